"""The `antivenom` command: it parses options, calls the library and prints the result."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from antivenom import cli_boundary, cli_components, cli_data
from antivenom.cli_components import find_spec
from antivenom.cli_errors import exit_status_of
from antivenom.cli_notes import print_assumptions, print_doubts
from antivenom.cli_tables import run_table, sweep_tables, with_doubts
from antivenom.errors import SettingsError
from antivenom.own_code import allow_folder
from antivenom.stopping import advice_if_stopped
from antivenom.terminal import err_console, out_console

if TYPE_CHECKING:
    from antivenom.runner import Experiment, Result, Store, Sweep, SweepResult

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
store_app = typer.Typer(no_args_is_help=True, help="The cache of finished stages.")
app.add_typer(store_app, name="store")
app.add_typer(cli_data.app, name="data")

app.command()(cli_boundary.boundary)
app.command()(cli_boundary.playground)
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


SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of an example (see `antivenom list examples`).")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec, such as attack.rate=0.05. Repeatable."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The folder of the run. Default: runs/NAME.")
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


@app.command()
def run(
    spec: SpecArgument,
    overrides: SetOption = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    workers: WorkersOption = None,
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
    _run(experiment, out or Path("runs") / _slug(experiment.name), device, as_json, quiet, resume, workers)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the run.")] = Path("runs/demo"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run four attacks on two small networks in under a minute. The data is built in."""
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch

    _run(load_spec(find_spec("demo")), out, device, as_json, quiet, "`antivenom demo`")


@app.command()
def poison(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
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
    experiment = _single_experiment(spec, overrides, allow_code)
    with display_for("auto", err_console) as display:
        written = export(experiment, out, form=form, store=_store(), device=device, on_event=display.on_event)  # type: ignore[arg-type]
    sizes = ", ".join(f"{count} {name}" for name, count in written.rows.items())
    out_console.print(f"Wrote {sizes} rows. The attacker contributed {written.poison} training rows.")
    advice = f"Train on {out / 'data'}. Do not show {out / 'truth'} to your training script."
    out_console.print(advice, soft_wrap=True)


@app.command()
def craft(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The output folder.")] = Path("poison"),
    overrides: SetOption = None,
    device: DeviceOption = "auto",
    allow_code: CodeOption = False,
) -> None:
    """Craft an experiment's poison and save every round to a file for `poison_file`. Train no victim."""
    from antivenom.runner.craft import craft as make  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import display_for  # noqa: PLC0415

    experiment = _single_experiment(spec, overrides, allow_code)
    with display_for("auto", err_console) as display:
        crafted = make(experiment, out, store=_store(), device=device, on_event=display.on_event)
    poisoned = crafted.poisoned
    rounds = 1 if poisoned.rounds is None else poisoned.rounds.shape[1]
    out_console.print(f"Wrote {len(poisoned.rows)} rows in {rounds} rounds: {crafted.file}", soft_wrap=True)
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
    folder = out or Path("runs") / f"measured-{_slug(model.stem)}"
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
    store = _store()
    count, total = store.size()
    out_console.print(f"{count} stages, {_bytes(total)}, in {store.address}", soft_wrap=True)


@store_app.command()
def verify() -> None:
    """Compare the checksum of every stage in the store. Remove damaged stages: the next run computes them again."""
    store = _store()
    intact, damaged = store.verify()
    for name, reason in damaged:
        out_console.print(f"Removed {name}: {reason}", soft_wrap=True)
    out_console.print(f"{intact} stages are intact, {len(damaged)} were damaged.", soft_wrap=True)


@store_app.command()
def clean() -> None:
    """Remove all stages from the store."""
    store = _store()
    count, total = store.clean()
    out_console.print(f"Removed {count} stages, {_bytes(total)}, from {store.address}", soft_wrap=True)


def main() -> None:
    """Run the command, and exit with its status. Errors are messages; `ANTIVENOM_DEBUG=1` shows their tracebacks."""
    sys.exit(exit_status_of(lambda: app(standalone_mode=False)))


def _run(
    experiment: "Experiment | Sweep",
    out: Path,
    device: str,
    as_json: bool,
    quiet: bool,
    resume: str,
    workers: int | None = None,
) -> None:
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner import Processes, Sweep  # noqa: PLC0415 - loads torch
    from antivenom.runner.events import Event, Planned  # noqa: PLC0415
    from antivenom.runner.progress import display_for  # noqa: PLC0415

    if workers not in (None, 1) and not isinstance(experiment, Sweep):
        problem = f"--workers {workers} requires a spec with a grid; this spec has none. Remove --workers."
        raise SettingsError([problem])
    shown: set[str] = set()  # assumptions that the display has shown with the plan
    continuing = f"Finished stages are kept. To continue, run {resume}."
    with advice_if_stopped(continuing), display_for(not quiet and "auto", err_console) as display:

        def on_event(event: Event) -> None:
            display.on_event(event)
            if isinstance(event, Planned) and not quiet:
                shown.update(event.assumptions)

        kwargs = {"out": out, "store": _store(), "device": device, "progress": False, "on_event": on_event}
        if isinstance(experiment, Sweep) and workers is not None:
            kwargs["executor"] = Processes(workers=workers)
        result = experiment.run(**kwargs)  # type: ignore[arg-type]
        display.note("writing the report")
        report = write_report(out)
    if as_json:
        out_console.json(_metrics(result), sort_keys=True)
        return
    _print_result(result, shown)
    out_console.print(f"Report: {report}", soft_wrap=True)


def _single_experiment(spec: str, overrides: list[str] | None, allow_code: bool) -> "Experiment":
    """Load a spec that has no grid."""
    from antivenom.runner import Experiment, load_spec  # noqa: PLC0415 - loads torch

    if allow_code:
        allow_folder(Path.cwd())
    experiment = load_spec(find_spec(spec), overrides=overrides or (), allow_code=allow_code)
    if not isinstance(experiment, Experiment):
        advice = "Choose one cell: remove the grid with --set grid=null, and give its keys with --set."
        raise SettingsError([f"This command requires a spec without a grid; '{spec}' has one. {advice}"])
    return experiment


def _metrics(result: "Result | SweepResult") -> dict[str, Any]:
    from antivenom.runner import Result  # noqa: PLC0415 - loads torch

    if isinstance(result, Result):
        return result.metrics
    return {cell: result.metrics(cell) for cell in result.axes}


def _print_result(result: "Result | SweepResult", shown: set[str]) -> None:
    """Print tables, assumptions that were not shown before, and doubts."""
    from antivenom.runner import Result  # noqa: PLC0415 - loads torch

    if isinstance(result, Result):
        out_console.print(run_table(result.metrics, out_console.width))
        out_console.print(result.headline)
        print_assumptions(out_console, (sentence for sentence in result.assumptions if sentence not in shown))
        print_doubts(out_console, {"": list(result.doubts)})
        return
    doubts = {cell: result.doubts(cell) for cell in result.axes}
    cells = with_doubts(_metrics(result), {cell: len(lines) for cell, lines in doubts.items()})
    for table in sweep_tables(cells, out_console.width):
        out_console.print(table)
    sentences = [sentence for cell in result.axes for sentence in result.assumptions(cell)]
    print_assumptions(out_console, (sentence for sentence in sentences if sentence not in shown))
    print_doubts(out_console, doubts)


def _store() -> "Store":
    from antivenom.storage.store import Store  # noqa: PLC0415 - loads torch

    return Store.default()


def _slug(name: str) -> str:
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name).strip("-")[:80]
        or "experiment"
    )


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
