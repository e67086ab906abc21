"""The contract of executors, which run the cells of a sweep."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.runner.events import OnEvent
from antivenom.runner.executors.data_cache import DataCache
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
    """

    cells: Mapping[str, ExperimentSettings]
    folder: Path
    store: Store | None
    device: str
    cache: DataCache = field(default_factory=DataCache)


@runtime_checkable
class Executor(Protocol):
    """Runs cells. Each cell is written to its folder; only its name is returned."""

    def run(self, work: Work, on_event: OnEvent) -> Iterator[str]:
        """Run every cell, and yield the name of each when it has been written.

        Args:
            work: the cells.
            on_event: called with every event of every cell, in this process.
        """
