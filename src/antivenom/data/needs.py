"""Check what a component requires of the data."""

import math
from collections.abc import Iterator

from antivenom.data.dataset import Dataset

USUAL_RANGES = ((0, 1), (-1, 1), (0, 255))
"""The usual ranges of rows. A message gives the first one that contains all rows as an example."""


def unmet_needs(data: Dataset, needs: frozenset[str]) -> Iterator[str]:
    """Return a sentence for each need that the data does not meet. `antivenom.settings.NEEDS` lists all needs.

    >>> import numpy as np
    >>> data = Dataset.from_arrays(np.zeros((2, 3), np.float32), [0, 1], bounds=(0, 1))
    >>> list(unmet_needs(data, frozenset({"images", "bounds"})))
    ['requires images; the rows of the data have shape (3,).']
    """
    if "images" in needs and not data.is_image:
        yield f"requires images; the rows of the data have shape {data.shape}."
    if "bounds" in needs and data.bounds is None:
        yield f"requires the range of the data. {range_advice(data)}"
    if "tokens" in needs:
        yield f"requires tokens; the rows of the data are {data.x.dtype} of shape {data.shape}."


def range_advice(data: Dataset) -> str:
    """Return the range of the rows that occur, and advice to set the possible range.

    >>> import numpy as np
    >>> range_advice(Dataset.from_arrays(np.array([[0.0, 209.0]], np.float32), [0]))
    'x contains 0 to 209. Set dataset.bounds, for example [0, 255].'
    """
    if not len(data):
        return "Set dataset.bounds."
    low, high = float(data.x.min()), float(data.x.max())
    usual = next((one for one in USUAL_RANGES if one[0] <= low <= high <= one[1]), None)
    first, last = usual or (math.floor(low), math.ceil(high))
    return f"x contains {low:g} to {high:g}. Set dataset.bounds, for example [{first}, {last}]."
