"""What a component of any kind may offer beside its one method."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.data.dataset import Dataset


@runtime_checkable
class ChecksData(Protocol):
    """A component that says, before anything runs, why its settings do not fit the data."""

    def problems(self, data: Dataset, /) -> Iterable[str]:
        """One sentence for each problem, without its subject, such as `has target 12, but …`."""


@runtime_checkable
class ReadsFiles(Protocol):
    """A component that reads files: their bytes are part of every key of the store that it belongs to."""

    def files(self) -> tuple[Path, ...]:
        """The files, which must be there when the component is used."""


def unmet_needs(data: Dataset, needs: frozenset[str]) -> Iterator[str]:
    """One sentence for each need that the data does not meet; `antivenom.settings.NEEDS` lists all needs.

    >>> import numpy as np
    >>> data = Dataset.from_arrays(np.zeros((2, 3), np.float32), [0, 1], bounds=(0, 1))
    >>> list(unmet_needs(data, frozenset({"images", "bounds"})))
    ['requires images; the rows of the data have shape (3,).']
    """
    if "images" in needs and not data.is_image:
        yield f"requires images; the rows of the data have shape {data.shape}."
    if "bounds" in needs and data.bounds is None:
        yield "requires the range of the data. Give the data set bounds."
    if "tokens" in needs:
        yield f"requires tokens; the rows of the data are {data.x.dtype} of shape {data.shape}."
