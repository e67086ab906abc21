"""The contracts of the sources of data sets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.data.dataset import Splits
from antivenom.data.progress import OnProgress, no_op


@runtime_checkable
class Source(Protocol):
    """The source of a data set: a component, such as `Digits` or `Npz`."""

    def load(self, on_progress: OnProgress = no_op) -> Splits:
        """Read both splits. A slow source calls `on_progress(rows_done, rows_total)`."""

    def files(self) -> tuple[Path, ...]:
        """The files that `load` reads. The runner checks first that they exist; their bytes are part of the key."""


@runtime_checkable
class NamesRows(Protocol):
    """A source whose rows have names, such as the files of a folder."""

    def row_names(self) -> Mapping[int, str]:
        """The name of each row of the training set, by its id."""
