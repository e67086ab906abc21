"""The contract of executors, which run the cells of a sweep."""

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.runner.events import OnEvent
from antivenom.runner.executors.data_cache import DataCache
from antivenom.runner.results.failures import Failure
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.storage.store import Store


@dataclass(frozen=True)
class Work:
    """The cells of a sweep, and the settings that all of them share.

    Args:
        cells: the experiments by name.
        folder: the folder of all cells. Each cell is written to a subfolder with the cell's name.
        store: keeps finished stages; None keeps nothing.
        device: the device that computes.
        cache: the data sets that this process has read, so that none is read again.
        keys: the key of each cell's result, by the cell's name. A cell without a key is run again by the next run.
        threads: the number of threads of each cell, by the cell's name. They are part of its key, so that they do not
            depend on the cells that are left.
    """

    cells: Mapping[str, ExperimentSettings]
    folder: Path
    store: Store | None
    device: str
    cache: DataCache = field(default_factory=DataCache)
    keys: Mapping[str, str] = field(default_factory=dict)
    threads: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a cell: its folder is written, or it failed.

    Args:
        cell: the cell's name.
        failure: why the cell failed; None if it did not.
        cause: the exception, if it was raised in this process or sent to it.
    """

    cell: str
    failure: Failure | None = None
    cause: BaseException | None = None


@runtime_checkable
class Executor(Protocol):
    """Runs cells. Each cell is written to its folder; only its name is returned."""

    def run(self, work: Work, on_event: OnEvent) -> Iterator[Outcome]:
        """Run every cell, and yield the outcome of each. A failed cell does not stop the others.

        Args:
            work: the cells.
            on_event: called with every event of every cell, in this process.

        Raises:
            WriteError: a disk is full or read-only. Cells that are running are finished first, if they can be.
        """

    def threads(self, cells: Mapping[str, ExperimentSettings]) -> dict[str, int]:
        """Return the number of threads that each cell may use, by its name, if these cells run."""


def failed(cell: str, error: BaseException) -> Outcome:
    """Return the outcome of a cell whose work raised an exception."""
    trace = "".join(traceback.format_exception(error))
    return Outcome(cell, Failure(type(error).__name__, str(error) or type(error).__name__, trace), error)
