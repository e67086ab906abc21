"""Running experiments: all are checked against their data first, then each is run and written."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from antivenom.errors import CellsFailedError, SettingsError
from antivenom.registry import did_you_mean
from antivenom.runner.events import CellFailed, CellFinished, OnEvent
from antivenom.runner.executors.cell import assumptions_of, run_experiment
from antivenom.runner.executors.cell_key import cell_keys, is_finished
from antivenom.runner.executors.crafting import prepared, starting_data
from antivenom.runner.executors.executor import Executor, Outcome, Work
from antivenom.runner.executors.plan import planned
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.executors.trusted_rows import trusted_problems
from antivenom.runner.results.failures import add_failure, read_failures, remove_failures, write_planned
from antivenom.runner.results.folder import STATUS, prepare_folder, require_same_spec
from antivenom.runner.results.result import Result
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.validation import problems_of
from antivenom.settings import describe_fields
from antivenom.storage.files import LOCK, locked
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml

SHARD_WAIT_SECONDS = 60.0
"""How long a shard waits for another one that prepares the folder."""

MOST_SHOWN = 20
"""The most failed cells that a message names."""


def run_one(
    experiment: ExperimentSettings, *, out: Path | None, store: Store | None, device: str, on_event: OnEvent
) -> Result:
    """Check an experiment, run it, and write it to `out` if it is not None."""
    stages = Stages(store, choose_device(device), "", on_event)
    assumptions = check({"": experiment}, lambda _: stages)
    if store is not None:
        store.require_writable()
    with nullcontext() if out is None else locked(out):
        if out is not None:
            prepare_folder(out, dump_yaml(describe_fields(experiment)))
        on_event(replace(planned({"": experiment}), assumptions=assumptions))
        result = run_experiment(experiment, stages)
        if out is not None:
            result.save(out)
    return result


@dataclass(frozen=True)
class Resuming:
    """The choice of the cells that run. All others stay as an earlier run left them.

    Args:
        only: the names of the cells to run; empty for all.
        shard: `(i, n)`: only every n-th cell, from the i-th on, so that n runs divide a sweep. Shards may run at the
            same time, into the same folder.
        retry_failed: whether cells that failed in an earlier run are run again.
    """

    only: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None
    retry_failed: bool = False

    def __post_init__(self) -> None:
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            raise SettingsError([f"shard must be i/n with 1 <= i <= n; got {self.shard[0]}/{self.shard[1]}."])

    @property
    def lock(self) -> str:
        """The name of the file that is locked while this part of the sweep runs."""
        return LOCK if self.shard is None else f".shard-{self.shard[0]}-of-{self.shard[1]}.lock"

    @property
    def status(self) -> str:
        """The name of the file with the status of this part of the sweep."""
        return STATUS if self.shard is None else f"status-{self.shard[0]}-of-{self.shard[1]}.json"

    def chosen(self, cells: Mapping[str, ExperimentSettings]) -> dict[str, ExperimentSettings]:
        """Return the cells to run.

        Raises:
            SettingsError: a name of `only` is not the name of a cell.
        """
        unknown = [name for name in self.only if name not in cells]
        if unknown:
            raise SettingsError([f"only: there is no cell '{name}'.{did_you_mean(name, cells)}" for name in unknown])
        first, step = self.shard or (1, 1)
        kept = islice(cells.items(), first - 1, None, step)
        return {name: each for name, each in kept if not self.only or name in self.only}


def run_cells(
    work: Work,
    axes: Mapping[str, Mapping[str, Any]],
    spec: str,
    executor: Executor,
    resuming: Resuming,
    on_event: OnEvent,
) -> dict[str, Outcome]:
    """Check all cells, and run those that are not finished. The folder is locked meanwhile.

    Args:
        work: the cells. They are written to the folder `cells` in the sweep's folder.
        axes: the values that the grid sets in each cell.
        spec: the spec of the sweep.
        executor: runs the cells.
        resuming: which cells run.
        on_event: called with every event.

    Returns:
        The outcomes of the cells that failed, now or earlier, by name, in the order of the sweep.

    Raises:
        SettingsError: settings do not fit the data. Nothing has been written.
        WriteError: a disk is full or read-only. Finished cells are kept.
    """
    device, folder = choose_device(work.device), work.folder.parent
    chosen = resuming.chosen(work.cells)
    assumptions = check(chosen, lambda name: Stages(work.store, device, name, on_event, cache=work.cache))
    if work.store is not None:
        work.store.require_writable()
    threads = executor.threads(chosen)
    with _prepared(folder, spec, axes, resuming):
        keys = cell_keys(chosen, work.device, threads)
        finished = [name for name in chosen if is_finished(work.folder / name, keys.get(name))]
        failures = {} if resuming.retry_failed else _known_failures(folder, set(chosen) - set(finished))
        left = {name: each for name, each in chosen.items() if name not in finished and name not in failures}
        remove_failures(folder, set(finished) | set(left))
        on_event(replace(planned(left), assumptions=assumptions, kept=len(finished)))
        for name in finished:
            on_event(CellFinished(name, kept=True))
        for outcome in failures.values():
            on_event(_failed_event(outcome, kept=True))
        failures |= _run_left(replace(work, cells=left, keys=keys, threads=threads), executor, folder, on_event)
    return {name: failures[name] for name in chosen if name in failures}


def _run_left(work: Work, executor: Executor, folder: Path, on_event: OnEvent) -> dict[str, Outcome]:
    failures: dict[str, Outcome] = {}
    outcomes = executor.run(work, on_event)
    try:
        for outcome in outcomes:
            if outcome.failure is None:
                on_event(CellFinished(outcome.cell))
            else:
                failures[outcome.cell] = outcome
                add_failure(folder, outcome.cell, outcome.failure)
                on_event(_failed_event(outcome))
    finally:
        if isinstance(outcomes, Generator):  # ends its processes, also if the run was stopped
            outcomes.close()
    return failures


def failure_of(failures: Mapping[str, Outcome], count: int) -> CellsFailedError:
    """Return the error that names the cells that failed, of `count` cells."""
    known = [(name, each.failure) for name, each in failures.items() if each.failure is not None]
    shown = "; ".join(f"{name}: {each.error}: {each.message.removesuffix('.')}" for name, each in known[:MOST_SHOWN])
    more = f"; and {len(known) - MOST_SHOWN} more" if len(known) > MOST_SHOWN else ""
    return CellsFailedError(
        f"{len(known)} of {count} cells failed; the others were written. {shown}{more}. "
        "Correct the cause, and run the same again with --retry-failed (retry_failed=True in Python): "
        "finished cells are kept."
    )


def _failed_event(outcome: Outcome, *, kept: bool = False) -> CellFailed:
    assert outcome.failure is not None
    return CellFailed(outcome.cell, outcome.failure.error, outcome.failure.message, outcome.failure.trace, kept)


def _known_failures(folder: Path, cells: Collection[str]) -> dict[str, Outcome]:
    return {name: Outcome(name, failure) for name, failure in read_failures(folder).items() if name in cells}


@contextmanager
def _prepared(folder: Path, spec: str, axes: Mapping[str, Mapping[str, Any]], resuming: Resuming) -> Iterator[None]:
    """Prepare the folder of a sweep, and lock it. Shards of one sweep lock only their own part.

    Raises:
        RunError: another run is writing to the folder, or the folder has a shard of another spec.
    """
    if resuming.shard is None:
        with locked(folder):
            for file in folder.glob(".shard-*.lock"):
                with locked(folder, file.name):  # a shard that is running holds it
                    pass
            prepare_folder(folder, spec)
            write_planned(folder, axes)
            yield
        return
    with locked(folder, resuming.lock):
        with locked(folder, seconds=SHARD_WAIT_SECONDS):
            require_same_spec(folder, spec)
            prepare_folder(folder, spec)
            write_planned(folder, axes)
        yield


def check(cells: Mapping[str, ExperimentSettings], stages_of: Callable[[str], Stages]) -> tuple[str, ...]:
    """Check every experiment against its data, before anything is written. Return what was assumed, once each.

    Args:
        cells: the experiments by name.
        stages_of: returns the stages of a cell, which keep the data for the run.

    Raises:
        SettingsError: settings do not fit the data; the error lists every problem once.
    """
    problems: dict[str, None] = {}
    assumptions: dict[str, None] = {}
    for name, experiment in cells.items():
        prefix = f"{name}: " if name and len(cells) > 1 else ""
        try:
            stages = stages_of(name)
            data = starting_data(experiment, prepared(experiment, stages), stages, 0)
            own = problems_of(experiment, data.splits.train) or trusted_problems(experiment, data, stages)
            if not own:
                assumptions |= dict.fromkeys(assumptions_of(experiment, data.splits))
        except SettingsError as error:
            own = list(error.problems)
        problems |= dict.fromkeys(f"{prefix}{problem}" for problem in own)
    if problems:
        raise SettingsError(problems)
    return tuple(assumptions)
