"""Running cells one after the other, in this process."""

from collections.abc import Iterator
from dataclasses import dataclass

from antivenom.runner.events import OnEvent
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.executor import Work
from antivenom.runner.executors.stages import Stages, choose_device


@dataclass(frozen=True)
class Serial:
    """Runs one cell after the other."""

    def run(self, work: Work, on_event: OnEvent) -> Iterator[str]:
        """Run every cell. With a store, stages that several cells share are computed only once."""
        device = choose_device(work.device)
        for name, experiment in work.cells.items():
            stages = Stages(work.store, device, name, on_event, cache=work.cache)
            yield run_cell(name, experiment, work.folder / name, stages)
