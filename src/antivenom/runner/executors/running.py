"""Running experiments: all are checked against their data first, then each is run and written."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from antivenom.errors import SettingsError
from antivenom.runner.events import OnEvent
from antivenom.runner.executors.cell import assumptions_of, run_experiment
from antivenom.runner.executors.crafting import prepared, starting_data
from antivenom.runner.executors.executor import Executor, Work
from antivenom.runner.executors.plan import planned
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.executors.trusted_rows import trusted_problems
from antivenom.runner.results.folder import prepare_folder
from antivenom.runner.results.result import Result
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.validation import problems_of
from antivenom.settings import describe_fields
from antivenom.storage.files import locked
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml


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


@contextmanager
def running_cells(work: Work, spec: str, executor: Executor, on_event: OnEvent) -> Iterator[Iterator[str]]:
    """Check all cells, then yield an iterator that runs them and returns their names. The folder is locked meanwhile.

    Args:
        work: the cells. They are written to the folder `cells` in the sweep's folder.
        spec: the spec of the sweep.
        executor: runs the cells.
        on_event: called with every event.
    """
    device = choose_device(work.device)
    assumptions = check(work.cells, lambda name: Stages(work.store, device, name, on_event, cache=work.cache))
    if work.store is not None:
        work.store.require_writable()
    folder = work.folder.parent
    with locked(folder):
        prepare_folder(folder, spec)
        on_event(replace(planned(work.cells), assumptions=assumptions))
        names = executor.run(work, on_event)
        try:
            yield names
        finally:
            if isinstance(names, Generator):  # ends its processes, also if the caller stopped
                names.close()


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
