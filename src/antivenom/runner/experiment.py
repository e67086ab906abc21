"""Experiments and sweeps that you can run, and how to load them from a spec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from weakref import finalize

from antivenom.errors import RunError
from antivenom.runner.events import OnEvent
from antivenom.runner.executors.executor import Executor, Work
from antivenom.runner.executors.running import Resuming, failure_of, run_cells, run_one
from antivenom.runner.executors.serial import Serial
from antivenom.runner.progress import ProgressOption, progress_for
from antivenom.runner.results.mirror import placed
from antivenom.runner.results.result import Result
from antivenom.runner.results.status import reporting_status
from antivenom.runner.results.sweep_folder import finished_axes
from antivenom.runner.results.sweep_result import SweepResult
from antivenom.runner.spec.grid import Grid, expand, take_sections
from antivenom.runner.spec.loading import make_experiment, read_spec
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.tracking import tracking
from antivenom.settings import component, describe_fields
from antivenom.shapes import ShortRepr
from antivenom.storage.places.addresses import local_folder
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml
from antivenom.trackers import Tracker


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
        trackers: Sequence[Tracker] = (),
    ) -> Result:
        """Run all stages and return the result.

        Args:
            out: the run's folder. If omitted, nothing is written.
            store: keeps finished stages for later runs; None computes everything again.
            device: `cpu`, `cuda`, …, or `auto`: CUDA if there is a GPU.
            progress: `auto` shows a progress bar in a terminal or a notebook, and lines elsewhere; False shows nothing.
            on_event: called with every event of the run.
            trackers: other programs that the run reports to, in addition to those of the experiment.

        Raises:
            SettingsError: the settings do not fit the data. Nothing has been written.
            DataError: the data is missing or damaged.
        """
        target = None if out is None else local_folder(out)
        with (
            progress_for(progress, on_event) as report_event,
            tracking(self.name, {"": self}, trackers, report_event) as (logs, both),
        ):
            result = run_one(self, out=target, store=store, device=device, on_event=both)
            logs.finish("", result.metrics, result.charts)
        return result


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(ShortRepr):
    """The cells of a grid.

    Args:
        name: the name of the run and of its folder.
        grid: the cells, the values that the grid sets in each, and the spec as it was read.
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
        """The values that the grid sets in each cell, by the cell's name."""
        return self.grid.axes

    def run(
        self,
        *,
        out: Path | str | None = None,
        store: Store | None = None,
        device: str = "auto",
        executor: Executor | None = None,
        only: Sequence[str] = (),
        shard: tuple[int, int] | None = None,
        retry_failed: bool = False,
        progress: ProgressOption = "auto",
        on_event: OnEvent | None = None,
        trackers: Sequence[Tracker] = (),
    ) -> SweepResult:
        """Run all cells. With a store, stages that several cells share are computed only once.

        A cell that an earlier run of the same spec finished in this folder is not run again. A cell that fails is
        recorded, and the others go on.

        Args:
            out: the sweep's folder, or a URL of fsspec such as `s3://bucket/study`: then this machine works in a copy
                of it, and uploads every finished cell. If omitted, a temporary folder, which is removed together with
                the result.
            store: keeps finished stages for later runs; None computes everything again.
            device: `cpu`, `cuda`, …, or `auto`: CUDA if there is a GPU.
            executor: runs the cells: `Serial()` (default), `Processes(workers=…)` or `Ray(address=…)`.
            only: the names of the cells to run; empty for all.
            shard: `(i, n)` runs only the i-th of n parts. Shards may run at the same time, into the same folder.
            retry_failed: whether cells that failed in an earlier run are run again.
            progress: `auto` shows a progress bar in a terminal or a notebook, and lines elsewhere; False shows nothing.
            on_event: called with every event of every cell.
            trackers: other programs that the cells report to, in addition to those of the experiments.

        Returns:
            The result. It has the cells that are finished.

        Raises:
            SettingsError: the settings do not fit the data. Nothing has been written.
            RunError: cells failed. The others were written, and so was the table.
        """
        resuming = Resuming(tuple(only), shard, retry_failed)
        place = Path(mkdtemp(prefix="antivenom-sweep-")) if out is None else out
        with progress_for(progress, on_event) as shown, placed(place, shown, shard) as (folder, receive):
            work = Work(self.cells, folder / "cells", store, device)
            with (
                reporting_status(folder, resuming.status, receive) as with_status,
                tracking(self.name, self.cells, trackers, with_status, work.folder) as (_, both),
            ):
                spec = dump_yaml(self.grid.spec)
                failures = run_cells(work, self.axes, spec, executor or Serial(), resuming, both)
            result = SweepResult(self.name, folder, finished_axes(folder, self.axes), self.allow_code)
            if out is None:
                finalize(result, rmtree, folder, ignore_errors=True)
            if result.axes:
                result.write_table()
            chosen = resuming.chosen(self.cells)
            if failures:
                raise failure_of(failures, len(chosen)) from next(iter(failures.values())).cause
            if removed := [name for name in chosen if name not in result.axes]:
                missing = folder / "cells" / removed[0]
                raise RunError(f"{missing} is missing: it was removed during the run. Run it again.")
        return result


def load_spec(
    source: Path | str | Mapping[str, Any], *, overrides: Sequence[str] = (), allow_code: bool = False
) -> Experiment | Sweep:
    """Load an experiment, or a sweep if the spec has `grid`, `zip` or `include`.

    Args:
        source: a YAML file, or its content as a mapping.
        overrides: `key=value`, with the value in YAML: `attack.rate=0.05`. A later one replaces an earlier one.
        allow_code: whether components and factories that the spec names by import path may run.

    Raises:
        SettingsError: the spec has problems; the error lists all of them.
        MissingDataError: a file of the data set is missing, and the spec has no other problem.

    >>> spec = {"attack": {"name": "badnets", "target": 7}}
    >>> load_spec(spec, overrides=["attack.rate=5e-2"]).attack.rate
    0.05
    """
    mapping = read_spec(source, overrides)
    sections = take_sections(mapping)
    if not sections:
        return make_experiment(mapping, Experiment, allow_code=allow_code)
    cells = expand(mapping, sections, Experiment, allow_code=allow_code)
    return Sweep(next(iter(cells.cells.values())).name, cells, allow_code)


def dump_spec(experiment: Experiment | Sweep) -> str:
    """Return the YAML of an experiment, with every default written out. Loading it makes the same experiment.

    The YAML of a sweep is the spec as it was read, with its grid.
    """
    if isinstance(experiment, Sweep):
        return dump_yaml(experiment.grid.spec)
    return dump_yaml(describe_fields(experiment))
