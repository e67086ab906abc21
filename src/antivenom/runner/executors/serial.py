"""Cells one after the other, in this process."""

from collections.abc import Iterator
from dataclasses import dataclass

from antivenom.runner.events import OnEvent
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.executor import Work
from antivenom.runner.executors.held_data import HeldData
from antivenom.runner.executors.stages import Stages, choose_device


@dataclass(frozen=True)
class Serial:
    """One cell after the other."""

    def run(self, work: Work, on_event: OnEvent) -> Iterator[str]:
        """Run every cell; what two cells share is computed once if there is a store."""
        device, held = choose_device(work.device), HeldData()
        for name, experiment in work.cells.items():
            stages = Stages(work.store, device, name, on_event, held=held)
            yield run_cell(name, experiment, work.folder / name, stages)
