"""Running cells one after the other, in this process."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from antivenom.errors import WriteError
from antivenom.runner.events import CellStarted, OnEvent
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.executor import Outcome, Work, failed
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.spec.settings import ExperimentSettings


@dataclass(frozen=True)
class Serial:
    """Runs one cell after the other."""

    def threads(self, cells: Mapping[str, ExperimentSettings]) -> dict[str, int]:
        """Return the number of threads of this process, for each cell."""
        return dict.fromkeys(cells, torch.get_num_threads())

    def run(self, work: Work, on_event: OnEvent) -> Iterator[Outcome]:
        """Run every cell. With a store, stages that several cells share are computed only once."""
        device = choose_device(work.device)
        for name, experiment in work.cells.items():
            stages = Stages(work.store, device, name, on_event, cache=work.cache)
            on_event(CellStarted(name))
            try:
                run_cell(experiment, work.folder / name, stages, work.keys.get(name))
            except WriteError:
                raise
            except Exception as error:  # noqa: BLE001 - recorded with the cell's name; the other cells go on
                yield failed(name, error)
            else:
                yield Outcome(name)
