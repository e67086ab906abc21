"""Check what a component requires of the data."""

from collections.abc import Iterator

from antivenom.data.dataset import Dataset


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
        yield "requires the range of the data. Pass bounds= to the data set."
    if "tokens" in needs:
        yield f"requires tokens; the rows of the data are {data.x.dtype} of shape {data.shape}."
