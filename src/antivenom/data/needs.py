"""Check what a component requires of the data."""

from collections.abc import Iterator

from antivenom.data.dataset import Dataset
from antivenom.settings.ranges import likely_range


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
    'x contains 0 to 209. Set dataset.bounds, for example [0, 255]; for data made in Python, pass bounds=(0, 255) to ...
    """
    if not len(data):
        return "Set dataset.bounds; for data made in Python, pass bounds= to Dataset.from_arrays."
    low, high = float(data.x.min()), float(data.x.max())
    first, last = likely_range(low, high)
    return (
        f"x contains {low:g} to {high:g}. Set dataset.bounds, for example [{first}, {last}]; for data made in Python, "
        f"pass bounds=({first}, {last}) to Dataset.from_arrays."
    )
