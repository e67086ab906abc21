"""The command `antivenom sweep`: it runs a grid, and shows and reports a sweep that is running or finished."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from antivenom.cli_components import find_spec
from antivenom.cli_listing import print_listing
from antivenom.cli_runs import (
    CodeOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    SetOption,
    SpecArgument,
    TrackOption,
    run_and_report,
    slug,
    trackers_of,
)
from antivenom.errors import RunError, SettingsError
from antivenom.own_code import allow_folder
from antivenom.terminal import out_console

if TYPE_CHECKING:
    from antivenom.runner import Executor
    from antivenom.runner.results.status import Overview

RUN = "run"


class SpecOrCommand(TyperGroup):
    """A group of commands whose first argument may also be a spec: then it is the command `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command `run` first if the first argument is not the name of a command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=SpecOrCommand,
    no_args_is_help=True,
    help="Run the cells of a grid: `antivenom sweep SPEC`. Show and report a sweep while it runs, or later.",
)


class ExecutorName(StrEnum):
    """The names of the executors."""

    SERIAL, PROCESSES, RAY = "serial", "processes", "ray"


@app.command(name=RUN)
def run(
    spec: SpecArgument,
    overrides: SetOption = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="DIR|URL", help="The folder of the sweep, or a URL of fsspec. Default: runs/NAME."
        ),
    ] = None,
    executor: Annotated[
        ExecutorName | None,
        typer.Option(help="Default: ray with --address, processes with --workers, otherwise serial."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Run N cells at the same time. Default: one for each core.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The address of a Ray cluster, such as auto.")
    ] = None,
    cpus: Annotated[float, typer.Option(help="The cores that a cell takes, for Ray.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="The GPUs that a cell takes, for Ray; may be a fraction.")] = 0.0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run cells again that failed in an earlier run.")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CELL", help="Run only this cell. Repeatable.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="i/n", help="Run only the i-th of n parts. Parts may run at the same time.")
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    track: TrackOption = None,
    allow_code: CodeOption = False,
) -> None:
    """Run the cells of a grid. The same command continues a sweep that was stopped: finished cells are kept.

    A cell that fails is recorded, and the others go on.
    """
    from antivenom.runner import Sweep, load_spec  # noqa: PLC0415 - loads torch

    if allow_code:
        allow_folder(Path.cwd())
    chosen = _executor(executor, workers, address, cpus, gpus)
    experiment = load_spec(find_spec(spec), overrides=overrides or (), allow_code=allow_code)
    if not isinstance(experiment, Sweep):
        raise SettingsError([f"A sweep requires a spec with a grid; '{spec}' has none. Use `antivenom run`."])
    if out is not None and out.startswith("memory:"):
        raise SettingsError([f"The folder {out} is lost when this command ends. Choose a folder, or another URL."])
    resume = "the same command" if out is None else f"the same command with --out {out}"
    run_and_report(
        experiment,
        out or Path("runs") / slug(experiment.name),
        device,
        as_json,
        quiet,
        resume,
        chosen,
        only=only or (),
        shard=_shard(shard),
        retry_failed=retry_failed,
        trackers=trackers_of(track),
    )


FolderArgument = Annotated[str, typer.Argument(metavar="DIR|URL", help="The folder of a sweep, or its URL.")]


@app.command()
def status(folder: FolderArgument) -> None:
    """Show how far a sweep is. It may be running in another terminal."""
    from antivenom.runner.progress import format_duration  # noqa: PLC0415 - loads torch
    from antivenom.runner.results.mirror import for_status, reported  # noqa: PLC0415
    from antivenom.runner.results.status import overview_of  # noqa: PLC0415

    with reported(folder, for_status) as place:
        overview = overview_of(place)
    out_console.line_of(_summary(overview))
    running = {name: stage for each in overview.processes if each.is_alive for name, stage in each.running.items()}
    if running:
        print_listing(out_console, ("cell", "stage"), list(running.items()), title="Running")
    if overview.failed:
        print_listing(out_console, ("cell", "error"), list(overview.failed.items()), title="Failed")
    alive = [each for each in overview.processes if each.is_alive]
    for each in alive:
        left = "" if each.seconds_left is None else f", about {format_duration(each.seconds_left)} left"
        out_console.line_of(f"Process {each.process} on {each.machine}: {format_duration(each.seconds)} so far{left}.")
    if not alive and len(overview.finished) + len(overview.failed) < len(overview.cells):
        out_console.line_of("No process is running it. The same `antivenom sweep` command continues it.")


@app.command()
def report(
    folder: FolderArgument,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="Also write table.html, which a script sorts and filters.")
    ] = False,
) -> None:
    """Write the table and the report of the cells that are finished. The sweep may still be running."""
    from antivenom.report import write_interactive, write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner import SweepResult  # noqa: PLC0415 - loads torch
    from antivenom.runner.results.mirror import reported  # noqa: PLC0415

    with reported(folder) as place:
        sweep = SweepResult.load(place)
        if not sweep.axes:
            raise RunError(f"No cell of {folder} is finished yet. Wait, or see `antivenom sweep status {folder}`.")
        sweep.write_table()
        out_console.print(f"Report: {write_report(place)}", soft_wrap=True)
        if interactive:
            out_console.print(f"Table: {write_interactive(place)}", soft_wrap=True)


def _executor(
    name: ExecutorName | None, workers: int | None, address: str | None, cpus: float, gpus: float
) -> "Executor":
    """Return the executor for the options.

    Raises:
        SettingsError: an option does not belong to the executor.
    """
    from antivenom.runner import Processes, Ray, Serial  # noqa: PLC0415 - loads torch

    if name is None:
        name = ExecutorName.RAY if address else ExecutorName.PROCESSES if workers else ExecutorName.SERIAL
    unused = {"--workers": workers is not None and name is ExecutorName.SERIAL}
    for option, given in (("--address", address is not None), ("--cpus", cpus != 1.0), ("--gpus", gpus != 0.0)):
        unused[option] = given and name is not ExecutorName.RAY
    if problems := [f"{option} is not an option of --executor {name}." for option, given in unused.items() if given]:
        raise SettingsError(problems)
    if name is ExecutorName.RAY:
        return Ray(address=address, workers=workers, cpus=cpus, gpus=gpus)
    return Processes(workers=workers) if name is ExecutorName.PROCESSES else Serial()


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition("/")
    if not (first.isdecimal() and last.isdecimal()):
        raise SettingsError([f"--shard must be i/n, such as 1/4; got {text!r}."])
    return int(first), int(last)


def _summary(overview: "Overview") -> str:
    finished, failed, cells = (len(each) for each in (overview.finished, overview.failed, overview.cells))
    running = sum(len(each.running) for each in overview.processes if each.is_alive)
    return f"{finished} of {cells} cells are finished, {running} are running, {failed} failed."
