"""The contract of executors: where the cells of a sweep run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from antivenom.runner.events import OnEvent
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.storage.store import Store


@dataclass(frozen=True)
class Work:
    """The cells of a sweep, and what all of them share.

    Args:
        cells: the experiments by name.
        folder: each cell is written to a folder of its name in it.
        store: where finished stages are kept; None to keep nothing.
        device: where tensors are computed.
    """

    cells: Mapping[str, ExperimentSettings]
    folder: Path
    store: Store | None
    device: str


@runtime_checkable
class Executor(Protocol):
    """Runs cells somewhere. A cell writes itself to its folder; only its name travels back."""

    def run(self, work: Work, on_event: OnEvent) -> Iterator[str]:
        """Run every cell, and give the name of each once it is written.

        Args:
            work: the cells.
            on_event: called for every event of every cell, in this process.
        """
