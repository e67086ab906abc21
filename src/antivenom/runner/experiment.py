"""Experiments and sweeps that run, and reading them from a spec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from antivenom.runner.events import OnEvent
from antivenom.runner.executors.executor import Executor, Work
from antivenom.runner.executors.running import run_one, running_cells
from antivenom.runner.executors.serial import Serial
from antivenom.runner.progress import ProgressOption, progress_for
from antivenom.runner.results.result import Result
from antivenom.runner.results.sweep_result import SweepResult
from antivenom.runner.spec.grid import Grid, expand
from antivenom.runner.spec.loading import make_experiment, read_spec
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import component, describe_fields
from antivenom.shapes import ShortRepr
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml


@component
class Experiment(ExperimentSettings):
    """A data set, a model, an attack and a training setting: victims and their controls, over several seeds.

    >>> from antivenom.attacks import BadNets
    >>> from antivenom.models import MLP
    >>> from antivenom.training import EndToEnd
    >>> experiment = Experiment(model=MLP(), attack=BadNets(target=7), training=EndToEnd(epochs=8))
    >>> result = experiment.run(progress=False)
    >>> result.metrics["attack.success_rate"]["mean"] > result.metrics["attack.success_rate.control"]["mean"]
    True
    """

    def run(
        self,
        *,
        out: Path | str | None = None,
        store: Store | None = None,
        device: str = "auto",
        progress: ProgressOption = "auto",
        on_event: OnEvent | None = None,
    ) -> Result:
        """Run all stages.

        Args:
            out: the run's folder; nothing is written where left out.
            store: where finished stages are kept and found; None computes everything anew.
            device: `cpu`, `cuda`, …, or `auto`: CUDA where there is one.
            progress: `auto` shows a bar in a terminal and a notebook and lines elsewhere; False shows nothing.
            on_event: called for every event of the run.

        Raises:
            SettingsError: the settings do not fit the data; nothing has been written then.
            DataError: the data is missing or damaged.
        """
        target = None if out is None else Path(out)
        with progress_for(progress, on_event) as tell:
            return run_one(self, out=target, store=store, device=device, on_event=tell)


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(ShortRepr):
    """The cells of a grid.

    Args:
        name: names the run and its folder.
        grid: the cells, what the grid sets in each, and the spec as it was read.
        allow_code: whether code that the spec names may run.
    """

    name: str
    grid: Grid[Experiment]
    allow_code: bool = False

    @property
    def cells(self) -> dict[str, Experiment]:
        """The experiments by name, in the grid's order."""
        return self.grid.cells

    @property
    def axes(self) -> dict[str, dict[str, Any]]:
        """What the grid sets in each cell."""
        return self.grid.axes

    def run(
        self,
        *,
        out: Path | str | None = None,
        store: Store | None = None,
        device: str = "auto",
        executor: Executor | None = None,
        progress: ProgressOption = "auto",
        on_event: OnEvent | None = None,
    ) -> SweepResult:
        """Run all cells, each as `Experiment.run` does; what two cells share is computed once if there is a store.

        Args:
            out: the sweep's folder; a temporary one, which goes with the result, where left out.
            store: where finished stages are kept and found; None computes everything anew.
            device: `cpu`, `cuda`, …, or `auto`: CUDA where there is one.
            executor: where cells run: `Serial()` (default) or `Processes(workers=…)`.
            progress: `auto` shows a bar in a terminal and a notebook and lines elsewhere; False shows nothing.
            on_event: called for every event of every cell.
        """
        folder = Path(mkdtemp(prefix="antivenom-sweep-") if out is None else out)
        work = Work(self.cells, folder / "cells", store, device)
        with (
            progress_for(progress, on_event) as tell,
            running_cells(work, dump_yaml(self.grid.spec), executor or Serial(), tell) as names,
        ):
            for _ in names:  # each has written itself
                pass
            result = SweepResult(self.name, folder, self.axes, self.allow_code)
            if out is None:
                finalize(result, rmtree, folder, ignore_errors=True)
            result.write_table()
        return result


def load_spec(
    source: Path | str | Mapping[str, Any], *, overrides: Sequence[str] = (), allow_code: bool = False
) -> Experiment | Sweep:
    """An experiment, or a sweep where the spec has a `grid`.

    Args:
        source: a YAML file, or the mapping that one holds.
        overrides: `key=value`, the value in YAML: `attack.rate=0.05`. In order, the later wins.
        allow_code: whether components and factories that the spec names by import path may run.

    Raises:
        SettingsError: with every problem of the spec.
        MissingDataError: a file of the data set is missing, and nothing else is wrong.

    >>> spec = {"attack": {"name": "badnets", "target": 7}}
    >>> load_spec(spec, overrides=["attack.rate=5e-2"]).attack.rate
    0.05
    """
    mapping = read_spec(source, overrides)
    grid = mapping.pop("grid", None)
    if grid is None:
        return make_experiment(mapping, Experiment, allow_code=allow_code)
    cells = expand(mapping, grid, Experiment, allow_code=allow_code)
    return Sweep(next(iter(cells.cells.values())).name, cells, allow_code)


def dump_spec(experiment: Experiment | Sweep) -> str:
    """The YAML that makes the same experiment again, every default written out.

    A sweep is written with its base and its grid, as it was read.
    """
    if isinstance(experiment, Sweep):
        return dump_yaml(experiment.grid.spec)
    return dump_yaml(describe_fields(experiment))
