"""The `antivenom` command: it parses options, calls the library and prints the result."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from antivenom import cli_boundary, cli_components, cli_data, cli_dose, cli_sweep
from antivenom.cli_components import find_spec
from antivenom.cli_errors import exit_status_of
from antivenom.cli_notes import print_assumptions, print_doubts
from antivenom.cli_runs import (
    CodeOption,
    DeviceOption,
    FolderParser,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SpecArgument,
    TrackOption,
    WorkersOption,
    default_store,
    executor_of,
    run_and_report,
    single_experiment,
    slug,
    trackers_of,
)
from antivenom.cli_tables import run_table
from antivenom.errors import SettingsError
from antivenom.own_code import allow_folder
from antivenom.terminal import err_console, out_console

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
store_app = typer.Typer(no_args_is_help=True, help="The cache of finished stages.")
app.add_typer(store_app, name="store")
app.add_typer(cli_data.app, name="data")
app.add_typer(cli_sweep.app, name="sweep")

app.command()(cli_boundary.boundary)
app.command()(cli_boundary.playground)
app.command()(cli_dose.dose)
app.command(name="list")(cli_components.list_components)
app.command()(cli_components.show)
app.command()(cli_components.glossary)


def _print_version(requested: bool | None) -> None:
    if requested:
        out_console.line_of(f"antivenom {version('antivenom')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool | None,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
    ] = None,
) -> None:
    """Poison training data, measure the effect on a model, detect poison and backdoors, and repair models."""


@app.command()
def run(
    spec: SpecArgument,
    overrides: SetOption = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    workers: WorkersOption = None,
    track: TrackOption = None,
    allow_code: CodeOption = False,
) -> None:
    """Run an experiment or a grid: poison the data, train victim and control, measure both, write a report.

    Finished stages are kept in the store. If a run was stopped, the same command continues it.
    """
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch

    if allow_code:
        allow_folder(Path.cwd())
    experiment = load_spec(find_spec(spec), overrides=overrides or (), allow_code=allow_code)
    resume = "the same command" if out is None else f"the same command with --out {out}"
    run_and_report(
        experiment,
        out or Path("runs") / slug(experiment.name),
        device,
        as_json,
        quiet,
        resume,
        executor_of(experiment, workers),
        trackers=trackers_of(track),
    )


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder of the run.", **FolderParser)] = Path("runs/demo"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run four attacks on two small networks in under a minute. The data is built in."""
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch

    run_and_report(load_spec(find_spec("demo")), out, device, as_json, quiet, "`antivenom demo`")


@app.command()
def poison(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder.", **FolderParser)],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="folder (PNG images by class), npz or parquet.")
    ] = "folder",
    overrides: SetOption = None,
    device: DeviceOption = "auto",
    allow_code: CodeOption = False,
) -> None:
    """Write an experiment's poisoned data for your own training script.

    Train on DIR/data. DIR/truth says which rows are poisoned. Then `antivenom measure MODEL --truth DIR` measures
    your model.
    """
    from antivenom.runner.export import export  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import display_for  # noqa: PLC0415

    if form not in ("folder", "npz", "parquet"):
        raise SettingsError([f"--format must be folder, npz or parquet; got '{form}'."])
    experiment = single_experiment(spec, overrides, allow_code)
    with display_for("auto", err_console) as display:
        written = export(experiment, out, form=form, store=default_store(), device=device, on_event=display.on_event)  # type: ignore[arg-type]
    sizes = ", ".join(f"{count} {name}" for name, count in written.rows.items())
    out_console.print(f"Wrote {sizes} rows. The attacker contributed {written.poison} training rows.")
    advice = f"Train on {out / 'data'}. Do not show {out / 'truth'} to your training script."
    out_console.print(advice, soft_wrap=True)


@app.command()
def craft(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option("--out", help="The output folder.", **FolderParser)] = Path("poison"),
    overrides: SetOption = None,
    device: DeviceOption = "auto",
    allow_code: CodeOption = False,
) -> None:
    """Craft an experiment's poison and save every round to a file for `poison_file`. Train no victim."""
    from antivenom.runner.craft import craft as make  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import display_for  # noqa: PLC0415

    experiment = single_experiment(spec, overrides, allow_code)
    with display_for("auto", err_console) as display:
        crafted = make(experiment, out, store=default_store(), device=device, on_event=display.on_event)
    poisoned = crafted.poisoned
    rounds = 1 if poisoned.rounds is None else poisoned.rounds.shape[1]
    rows = f"{len(poisoned.rows)} row{'s' * (len(poisoned.rows) != 1)} in {rounds} round{'s' * (rounds != 1)}"
    out_console.print(f"Wrote {rows}: {crafted.file}", soft_wrap=True)
    if crafted.generator is not None:
        out_console.print(f"Generator: {crafted.generator}", soft_wrap=True)


@app.command()
def measure(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Weights (.safetensors, .pt) or predictions (.csv, .npz).")
    ],
    truth: Annotated[Path, typer.Option("--truth", metavar="DIR", help="The folder that `antivenom poison` wrote.")],
    control: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="The same for a model that you trained on DIR/control.")
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="The architecture of the weights, as a name or YAML. Default: the spec's."),
    ] = None,
    weights_part: Annotated[
        str | None,
        typer.Option(metavar="KEYS", help="The keys of the weights in the files, such as ema or state.netC."),
    ] = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    allow_code: CodeOption = False,
) -> None:
    """Measure a model that you trained yourself on poisoned data. The figures and the report are those of a run."""
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner.external import measure_external  # noqa: PLC0415 - loads torch
    from antivenom.storage.files import read_json  # noqa: PLC0415 - loads torch

    if allow_code:
        allow_folder(Path.cwd())
    folder = out or Path("runs") / f"measured-{slug(model.stem)}"
    metrics = measure_external(
        model,
        truth,
        folder,
        control=control,
        arch=arch,
        weights_part=weights_part,
        device=device,
        allow_code=allow_code,
    )
    report = write_report(folder)
    if as_json:
        out_console.json(metrics, sort_keys=True)
        return
    out_console.print(run_table(metrics, out_console.width))
    about = read_json(folder / "manifest.json")
    out_console.print(about["headline"])
    print_assumptions(out_console, about.get("assumptions", ()))
    print_doubts(out_console, {"": about["doubts"]})
    out_console.print(f"Report: {report}", soft_wrap=True)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="DIR", help="A finished run, or one cell of a grid: RUN/cells/NAME.")],
) -> None:
    """Write the report of a finished run, or of one cell of a grid, again."""
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib

    out_console.print(f"Report: {write_report(run)}", soft_wrap=True)


@store_app.command()
def size() -> None:
    """Print the number of stages, their size and the address of the store."""
    store = default_store()
    count, total = store.size()
    out_console.print(f"{count} stages, {_bytes(total)}, in {store.address}", soft_wrap=True)


@store_app.command()
def verify() -> None:
    """Compare the checksum of every stage in the store. Remove damaged stages: the next run computes them again."""
    store = default_store()
    intact, damaged = store.verify()
    for name, reason in damaged:
        out_console.print(f"Removed {name}: {reason}", soft_wrap=True)
    out_console.print(f"{intact} stages are intact, {len(damaged)} were damaged.", soft_wrap=True)


@store_app.command()
def clean() -> None:
    """Remove all stages from the store."""
    store = default_store()
    count, total = store.clean()
    out_console.print(f"Removed {count} stages, {_bytes(total)}, from {store.address}", soft_wrap=True)


def main() -> None:
    """Run the command, and exit with its status. Errors are messages; `ANTIVENOM_DEBUG=1` shows their tracebacks."""
    sys.exit(exit_status_of(lambda: app(standalone_mode=False)))


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
