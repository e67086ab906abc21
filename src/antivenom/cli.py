"""The `antivenom` command: parse, call, print."""

import json
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from antivenom import cli_boundary, cli_data
from antivenom.errors import AntivenomError, SettingsError, UnknownComponentError
from antivenom.registry import KINDS, did_you_mean, entries, name_of

if TYPE_CHECKING:
    from antivenom.runner import Experiment, Result, Store, Sweep, SweepResult

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="What poisoned training data does to a model, whether it is poisoned, and how to repair it.",
)
store_app = typer.Typer(no_args_is_help=True, help="Finished stages that are kept, so that nothing is computed twice.")
app.add_typer(store_app, name="store")
app.add_typer(cli_data.app, name="data")

app.command()(cli_boundary.boundary)
app.command()(cli_boundary.playground)

out_console = Console()
err_console = Console(stderr=True)

SpecArgument = Annotated[
    str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of an example that ships with antivenom.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any key: attack.rate=0.05. Repeatable."),
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The run's folder. Default: runs/NAME.")]
DeviceOption = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, or auto: CUDA where there is one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON, and nothing else, on stdout.")]
CodeOption = Annotated[
    bool, typer.Option("--allow-code", help="Run code that the spec names by import path. Read it first.")
]


@app.command()
def run(
    spec: SpecArgument,
    overrides: SetOption = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    allow_code: CodeOption = False,
) -> None:
    """Run an experiment, or all cells of a grid: poison, train victim and control, measure, report.

    What is already in the store is not computed again, so a run that was stopped goes on where it was.
    """
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch

    if allow_code:
        sys.path.insert(0, str(Path.cwd()))
    experiment = load_spec(_find_spec(spec), overrides=overrides or (), allow_code=allow_code)
    resume = "the same command" if out is None else f"the same command, with --out {out}"
    _run(experiment, out or Path("runs") / _slug(experiment.name), device, as_json, resume)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")] = Path("runs/demo"),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Label flips, noise, gradient poison and a backdoor, two networks, data that is built in: under a minute."""
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch

    _run(load_spec(_find_spec("demo")), out, device, as_json, "`antivenom demo`")


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
    """Write an experiment's poisoned data for a training script of your own, and the truth about it apart.

    Train on DIR/data; `antivenom measure MODEL --truth DIR` tells what came of it.
    """
    from antivenom.runner.export import export  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import Display  # noqa: PLC0415

    if form not in ("folder", "npz", "parquet"):
        raise SettingsError([f"--format must be folder, npz or parquet; got '{form}'."])
    experiment = _lone(spec, overrides, allow_code)
    with Display(err_console) as display:
        done = export(experiment, out, form=form, store=_store(), device=device, tell=display.tell)  # type: ignore[arg-type]
    sizes = ", ".join(f"{count} {name}" for name, count in done.rows.items())
    out_console.print(f"Wrote {sizes} rows; {done.poison} of those to train on are the attacker's.", highlight=False)
    out_console.print(f"Train on {out / 'data'}, keep {out / 'truth'} away from it.", highlight=False, soft_wrap=True)


@app.command()
def craft(
    spec: SpecArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")] = Path("poison"),
    overrides: SetOption = None,
    device: DeviceOption = "auto",
    allow_code: CodeOption = False,
) -> None:
    """Make an experiment's poison, round by round, as a file that `poison_file` injects; no victim is trained."""
    from antivenom.runner.craft import craft as make  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import Display  # noqa: PLC0415

    experiment = _lone(spec, overrides, allow_code)
    with Display(err_console) as display:
        done = make(experiment, out, store=_store(), device=device, tell=display.tell)
    poisoned = done.poisoned
    rounds = 1 if poisoned.rounds is None else poisoned.rounds.shape[1]
    out_console.print(
        f"Wrote {len(poisoned.rows)} rows in {rounds} rounds: {done.file}", highlight=False, soft_wrap=True
    )
    if done.generator is not None:
        out_console.print(f"The generator: {done.generator}", highlight=False, soft_wrap=True)


@app.command()
def measure(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Weights (.safetensors, .pt) or predictions (.csv, .npz).")
    ],
    truth: Annotated[Path, typer.Option("--truth", metavar="DIR", help="What `antivenom poison` wrote.")],
    control: Annotated[
        Path | None, typer.Option(metavar="MODEL", help="The same of a model that was trained on DIR/control.")
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="The weights' architecture: a name or YAML. Default: the spec's."),
    ] = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
    allow_code: CodeOption = False,
) -> None:
    """Measure a model that you trained on poisoned data yourself: the same figures and report as of a run."""
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner.external import measure_external  # noqa: PLC0415 - loads torch

    if allow_code:
        sys.path.insert(0, str(Path.cwd()))
    folder = out or Path("runs") / f"measured-{_slug(model.stem)}"
    metrics = measure_external(model, truth, folder, control=control, arch=arch, device=device, allow_code=allow_code)
    report = write_report(folder)
    if as_json:
        typer.echo(json.dumps(metrics, indent=2, sort_keys=True))
        return
    out_console.print(_table({"": metrics}))
    for doubt in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["doubts"]:
        out_console.print(f"[yellow]?[/yellow] {escape(doubt)}", highlight=False)
    out_console.print(f"Report: {report}", highlight=False, soft_wrap=True)


@app.command(name="list")
def list_components(
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}.")] = None,
) -> None:
    """List what a spec can name: attacks, models, data sets and more."""
    for plural in KINDS if kind is None else (_kind(kind),):
        table = Table(title=plural.capitalize(), title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column("name", style="bold", no_wrap=True)
        table.add_column("what it is")
        for entry in entries(plural).values():
            note = f" [red]needs {' and '.join(entry.missing)}, which is not installed[/red]" if entry.missing else ""
            note += f" [red]{escape(entry.broken)}[/red]" if entry.broken else ""
            table.add_row(entry.name, escape(entry.summary) + note)
        out_console.print(table)
        out_console.print()
    out_console.print(
        "`antivenom show NAME` shows a component's settings and documentation.", style="dim", highlight=False
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A component's name, such as badnets.")],
) -> None:
    """Show a component's settings, their defaults, and its documentation."""
    from dataclasses import MISSING  # noqa: PLC0415

    from antivenom.settings import documentation, settings_of  # noqa: PLC0415

    found = [entries(kind)[name] for kind in KINDS if name in entries(kind)]
    if not found:
        everything = [entry for kind in KINDS for entry in entries(kind)]
        raise UnknownComponentError(
            f"Nothing is called '{name}'.{did_you_mean(name, everything)} `antivenom list` shows all."
        )
    for entry in found:
        cls = entry.load()
        out_console.print(f"[bold]{name}[/bold], {KINDS[entry.kind].singular}: {entry.module}.{entry.class_name}\n")
        out_console.print(documentation(cls), highlight=False, markup=False)
        table = Table(title="\nSettings", title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
        for column in ("key", "default", "must be"):
            table.add_column(column, style="bold" if column == "key" else "")
        for key, phrase, default in settings_of(cls):
            table.add_row(key, "(required)" if default is MISSING else escape(_yaml(default)), escape(phrase))
        out_console.print(table if table.row_count else "It has no settings.")


@store_app.command()
def size() -> None:
    """How much is kept, and where."""
    store = _store()
    count, total = store.size()
    out_console.print(f"{count} stages, {_bytes(total)}, in {store.folder}", highlight=False, soft_wrap=True)


@store_app.command()
def clean() -> None:
    """Remove everything that is kept."""
    store = _store()
    count, total = store.clean()
    out_console.print(f"Removed {count} stages, {_bytes(total)}, from {store.folder}", highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command; an error of antivenom's own is printed without a traceback, with exit status 2."""
    try:
        app()
    except SettingsError as error:
        for problem in error.problems:
            err_console.print(f"[red]✗[/red] {escape(problem)}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except AntivenomError as error:
        err_console.print(f"[red]✗[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _run(experiment: "Experiment | Sweep", out: Path, device: str, as_json: bool, resume: str) -> None:
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner.progress import Display  # noqa: PLC0415 - loads torch

    try:
        with Display(err_console) as display:
            result = experiment.run(out=out, store=_store(), device=device, tell=display.tell)
            display.note("writing the report")
            report = write_report(out)
    except KeyboardInterrupt:
        err_console.print(f"\nStopped. Finished stages are kept: {resume} goes on from there.", highlight=False)
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(_metrics(result), indent=2, sort_keys=True))
        return
    out_console.print(_summary(result))
    _print_defences(result)
    _print_doubts(result)
    out_console.print(f"Report: {report}", highlight=False, soft_wrap=True)


def _lone(spec: str, overrides: list[str] | None, allow_code: bool) -> "Experiment":
    """The experiment of a spec without a grid."""
    from antivenom.runner import Experiment, load_spec  # noqa: PLC0415 - loads torch

    if allow_code:
        sys.path.insert(0, str(Path.cwd()))
    experiment = load_spec(_find_spec(spec), overrides=overrides or (), allow_code=allow_code)
    if not isinstance(experiment, Experiment):
        advice = "Poison one of its cells: take the grid out with --set grid=null, and --set its keys."
        raise SettingsError([f"The spec has a grid. {advice}"])
    return experiment


def _metrics(result: "Result | SweepResult") -> dict[str, Any]:
    cells = {name: cell.metrics for name, cell in _cells(result).items()}
    return cells.get("", cells)


def _cells(result: "Result | SweepResult") -> "dict[str, Result]":
    return getattr(result, "results", None) or {"": result}


def _summary(result: "Result | SweepResult") -> Table:
    return _table({name: cell.metrics for name, cell in _cells(result).items()})


def _table(cells: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="Means over the repeats", title_justify="left", caption_justify="left")
    columns = (
        ("clean accuracy", "clean_accuracy"),
        ("control", "control_accuracy"),
        ("fall (points)", "accuracy_drop"),
        ("attack success", "attack_success_rate"),
        ("on the control", "control_attack_success_rate"),
    )
    if len(cells) > 1:
        table.add_column("cell", no_wrap=True)
    for title, _ in columns:
        table.add_column(title, justify="right")
    for name, metrics in cells.items():
        row = [_percent(metrics[key]["mean"], points=key == "accuracy_drop") for _, key in columns]
        table.add_row(*([name] if len(cells) > 1 else []), *row)
    return table


def _print_defences(result: "Result | SweepResult") -> None:
    for name, cell in _cells(result).items():
        where = f"{name} " if name else ""
        for line in _defence_lines(cell.metrics):
            out_console.print(escape(f"{where}{line}"), highlight=False)


def _defence_lines(metrics: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What detectors, defences of streams and scans found, and what repairs did, a line each."""
    for key in metrics:
        kind, _, rest = key.partition(".")
        name, _, figure = rest.rpartition(".")
        share = {what: _percent(metrics[each]["mean"], points=False) for what, each in _beside(key, metrics).items()}
        if (kind, figure) == ("defence", "auroc"):
            area = metrics[key]["mean"]
            told = "–" if area is None else format(area, ".3f")
            yield f"{name}: AUROC {told}, catches {share['caught']}, false alarms {share['false_alarms']}"
        elif (kind, figure) == ("defence", "regained"):
            gained = _percent(metrics[key]["mean"], points=True)
            yield (
                f"{name}: right in {share['right']} of the repeats, false alarms in {share['false_alarm']}; "
                f"going back: {gained} points of accuracy, {share['clean_rows_lost']} of the clean rows lost"
            )
        elif (kind, figure) == ("defence", "flagged"):
            yield (
                f"{name}: flags the victim in {share['flagged']} of the repeats, the target alone in {share['right']}, "
                f"the control in {share['false_alarm']}"
            )
        elif (kind, figure) == ("repair", "clean_accuracy"):
            success = share["attack_success_rate"]
            answered = (
                "" if metrics[f"repair.{name}.coverage"]["mean"] == 1 else f" of the {share['coverage']} answered"
            )
            yield f"after {name}: clean accuracy {share['clean_accuracy']}{answered}, attack success {success}"


def _beside(key: str, metrics: dict[str, dict[str, Any]]) -> dict[str, str]:
    """The figures of the same defence or repair, by their last word."""
    stem = key.rpartition(".")[0]
    return {each.rpartition(".")[2]: each for each in metrics if each.rpartition(".")[0] == stem}


def _print_doubts(result: "Result | SweepResult") -> None:
    shared: dict[str, list[str]] = {}
    for name, cell in _cells(result).items():
        for doubt in cell.doubts:
            shared.setdefault(doubt, []).append(name)
    for doubt, names in shared.items():
        where = f" ({', '.join(names)})" if len(names) < len(_cells(result)) else ""
        out_console.print(f"[yellow]?[/yellow] {escape(doubt)}{escape(where)}", highlight=False)


def _percent(value: Any, *, points: bool) -> str:
    if value is None:
        return "–"
    return f"{100 * value:+.1f}" if points else f"{100 * value:.1f} %"


def _find_spec(spec: str) -> Path:
    path = Path(spec)
    if not spec or path.is_dir():
        raise AntivenomError(f"'{spec}' is no file. Name a spec, or an example that ships with antivenom.")
    shipped = {file.name.removesuffix(".yaml"): file for file in files("antivenom.examples").iterdir()}
    if not path.exists() and spec in shipped:
        return Path(str(shipped[spec]))
    if not path.is_file():
        names = sorted(name for name in shipped if not name.startswith("_"))
        raise AntivenomError(
            f"There is no file {spec}.{did_you_mean(spec, names)} "
            f"Examples that ship with antivenom: {', '.join(names)}."
        )
    return path


def _kind(word: str) -> str:
    for plural, kind in KINDS.items():
        if word in (plural, kind.singular):
            return plural
    raise UnknownComponentError(f"There is no kind '{word}'.{did_you_mean(word, KINDS)} There are: {', '.join(KINDS)}.")


def _store() -> "Store":
    from antivenom.storage.store import Store  # noqa: PLC0415 - loads torch

    return Store.default()


def _slug(name: str) -> str:
    return (
        "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name).strip("-")[:80]
        or "experiment"
    )


def _yaml(value: Any) -> str:
    if hasattr(value, "__dataclass_fields__"):
        names = [name_of(kind, type(value)) for kind in KINDS]
        return next((name for name in names if ":" not in name), type(value).__name__)
    return {"None": "null", "True": "true", "False": "false", "()": "[]"}.get(str(value), str(value))


def _bytes(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
