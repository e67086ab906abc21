"""The common parts of the commands that run experiments: options, running with progress, and printing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from antivenom.cli_components import find_spec
from antivenom.cli_notes import print_assumptions, print_doubts
from antivenom.cli_tables import run_table, sweep_tables, with_doubts
from antivenom.errors import CellsFailedError, SettingsError
from antivenom.files.opening import is_file
from antivenom.own_code import allow_folder
from antivenom.stopping import advice_if_stopped
from antivenom.storage.places.addresses import local_folder
from antivenom.terminal import err_console, out_console

if TYPE_CHECKING:
    from antivenom.runner import Executor, Experiment, Result, Store, Sweep, SweepResult

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of an example (see `antivenom list examples`).")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec, such as attack.rate=0.05. Repeatable."),
]
FolderParser: Any = {"metavar": "DIR", "parser": local_folder}
"""The arguments of every option that takes a folder on this machine. URLs are refused here."""

OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="The folder of the run. Default: runs/NAME.", **FolderParser),
]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, or auto (CUDA if available).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print only the metrics, as JSON, on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Do not show progress.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Run the cells of a grid in N processes. Default: in this process, one by one."
    ),
]
CodeOption = Annotated[
    bool, typer.Option("--allow-code", help="Allow the spec to run code by import path. Read that code first.")
]


TrackOption = Annotated[
    list[str] | None,
    typer.Option("--track", metavar="NAME", help="Report to a tracker while it runs (`antivenom list trackers`)."),
]


def trackers_of(names: list[str] | None) -> list[Any]:
    """Return the trackers with these names, with their default settings.

    Raises:
        SettingsError: there is no tracker with a name.
    """
    from antivenom.settings import build  # noqa: PLC0415 - loads torch

    return [build("trackers", name, path="--track") for name in names or ()]


def executor_of(experiment: "Experiment | Sweep", workers: int | None) -> "Executor | None":
    """Return the executor for a number of workers; None for an experiment without a grid.

    Raises:
        SettingsError: several workers are given for a spec without a grid.
    """
    from antivenom.runner import Processes, Sweep  # noqa: PLC0415 - loads torch

    if not isinstance(experiment, Sweep):
        if workers not in (None, 1):
            problem = f"--workers {workers} requires a spec with a grid; this spec has none. Remove --workers."
            raise SettingsError([problem])
        return None
    return None if workers is None else Processes(workers=workers)


def run_and_report(
    experiment: "Experiment | Sweep",
    out: Path | str,
    device: str,
    as_json: bool,
    quiet: bool,
    resume: str,
    executor: "Executor | None" = None,
    **options: Any,
) -> None:
    """Run an experiment or a sweep, write its report, and print the result.

    Args:
        experiment: the experiment or the sweep.
        out: the folder of the run; for a sweep also a URL.
        device: the device that computes.
        as_json: whether only the metrics are printed, as JSON.
        quiet: whether no progress is shown.
        resume: how to continue after a stop, in words.
        executor: runs the cells of a sweep.
        options: further arguments of `Sweep.run`.
    """
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner.events import Event, Planned  # noqa: PLC0415
    from antivenom.runner.progress import display_for  # noqa: PLC0415
    from antivenom.runner.results.manifest import MANIFEST  # noqa: PLC0415
    from antivenom.runner.results.mirror import placed  # noqa: PLC0415

    shown: set[str] = set()  # assumptions that the display has shown with the plan
    continuing = f"Finished stages are kept. To continue, run {resume}."
    with advice_if_stopped(continuing), display_for(not quiet and "auto", err_console) as display:

        def on_event(event: Event) -> None:
            display.on_event(event)
            if isinstance(event, Planned) and not quiet:
                shown.update(event.assumptions)

        if executor is not None:
            options["executor"] = executor
        with placed(out, on_event, options.get("shard")) as (folder, receive):
            try:
                result = experiment.run(
                    out=folder, store=default_store(), device=device, progress=False, on_event=receive, **options
                )
            except CellsFailedError:
                if is_file(folder / MANIFEST):  # some cells are finished
                    write_report(folder)
                raise
            display.note("writing the report")
            report = write_report(folder)
    if as_json:
        out_console.json(metrics_of(result), sort_keys=True)
        return
    print_result(result, shown)
    out_console.print(f"Report: {report}", soft_wrap=True)


def single_experiment(spec: str, overrides: list[str] | None, allow_code: bool) -> "Experiment":
    """Load a spec that has no grid."""
    from antivenom.runner import Experiment, load_spec  # noqa: PLC0415 - loads torch

    if allow_code:
        allow_folder(Path.cwd())
    experiment = load_spec(find_spec(spec), overrides=overrides or (), allow_code=allow_code)
    if not isinstance(experiment, Experiment):
        advice = "Choose one cell: remove grid, zip and include, as by --set grid=null, and --set their keys."
        raise SettingsError([f"This command requires a spec without a grid; '{spec}' has one. {advice}"])
    return experiment


def metrics_of(result: "Result | SweepResult") -> dict[str, Any]:
    """Return the metrics of an experiment, or those of each cell of a sweep."""
    from antivenom.runner import Result  # noqa: PLC0415 - loads torch

    if isinstance(result, Result):
        return result.metrics
    return {cell: result.metrics(cell) for cell in result.axes}


def print_result(result: "Result | SweepResult", shown: set[str]) -> None:
    """Print tables, assumptions that were not shown before, and doubts."""
    from antivenom.runner import Result  # noqa: PLC0415 - loads torch

    if isinstance(result, Result):
        out_console.print(run_table(result.metrics, out_console.width))
        out_console.print(result.headline)
        print_assumptions(out_console, (sentence for sentence in result.assumptions if sentence not in shown))
        print_doubts(out_console, {"": list(result.doubts)})
        return
    doubts = {cell: result.doubts(cell) for cell in result.axes}
    cells = with_doubts(metrics_of(result), {cell: len(lines) for cell, lines in doubts.items()})
    for table in sweep_tables(cells, out_console.width):
        out_console.print(table)
    sentences = [sentence for cell in result.axes for sentence in result.assumptions(cell)]
    print_assumptions(out_console, (sentence for sentence in sentences if sentence not in shown))
    print_doubts(out_console, doubts)


def default_store() -> "Store":
    """Return the default store."""
    from antivenom.storage.store import Store  # noqa: PLC0415 - loads torch

    return Store.default()


def slug(name: str) -> str:
    """Return a name that is safe as the name of a folder."""
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name).strip("-")[:80]
        or "experiment"
    )
