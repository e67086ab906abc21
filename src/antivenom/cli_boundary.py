"""`antivenom boundary`: a decision boundary that walks."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from antivenom.errors import SettingsError

if TYPE_CHECKING:
    from antivenom.runner import Experiment, Sweep

out_console = Console()
err_console = Console(stderr=True)

MOST_CALLS = 500
MOST_COUNTS = 12
MOST_POINTS = 200


def boundary(
    repeats: Annotated[
        str, typer.Option(metavar="N,N,…", help="After how many calls of partial_fit the boundary is drawn.")
    ] = "1,5,15",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")] = Path("runs/boundary"),
    points: Annotated[
        str | None, typer.Option(metavar="X,Y;X,Y;…", help="The poison. Default: five points, from -2,0.1 to -1,0.1.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="0|1|0,1,…", help="Its label, or one each. Default: 1, or what --aim needs.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--estimator", metavar="NAME", help="mlp_classifier, sgd_classifier, logistic_regression, mlp (PyTorch), …"
        ),
    ] = "mlp_classifier",
    data: Annotated[
        str, typer.Option(metavar="NAME|FILE.csv", help="classification, moons, circles, blobs, or a CSV file.")
    ] = "classification",
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Of data and model. Default: the lesson's own.")
    ] = None,
    aim: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Find the points that turn this point's class, in fewest calls.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=MOST_POINTS, help="With --aim: how many points. Default: 5.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print boundary.json, and nothing else, on stdout.")] = False,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Run code that the spec names by import path. Read it first.")
    ] = False,
) -> None:
    """Show poison moving a decision boundary in the plane: numbers, figures and a film.

    A model that has learned 100 points is fed poison by partial_fit, again and again. Without options this is a known
    lesson: five points, and a perceptron of scikit-learn's.
    """
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.report.lesson import write_lesson  # noqa: PLC0415
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import display_for  # noqa: PLC0415
    from antivenom.storage.store import Store  # noqa: PLC0415

    counts = _counts(repeats)
    if aim is not None and points is not None:
        raise SettingsError(["--points places the poison by hand, --aim finds it; give one."])
    if count is not None and aim is None:
        raise SettingsError(["--count says how many points --aim finds; --points places each by itself."])
    spec = _spec(data, model, points, labels, seed, aim, count or 5, counts[-1])
    experiment = load_spec(spec, overrides=overrides or (), allow_code=allow_code)
    _check_lesson(experiment, counts[-1])
    with display_for("auto", err_console) as display:
        experiment.run(out=out, store=Store.default(), device="cpu", progress=False, on_event=display.on_event)
        display.note("drawing")
        report = write_report(out)
        lesson = write_lesson(out, counts)
    if as_json:
        typer.echo(json.dumps(lesson, indent=2))
        return
    _print(lesson)
    _print_notes(lesson, experiment)
    out_console.print(f"Numbers: {out / 'boundary.json'}", highlight=False, soft_wrap=True)
    out_console.print(f"Film: {out / 'boundary.gif'}", highlight=False, soft_wrap=True)
    out_console.print(f"Report: {report}", highlight=False, soft_wrap=True)


def _spec(
    data: str,
    model: str,
    points: str | None,
    labels: str | None,
    seed: int | None,
    aim: str | None,
    count: int,
    calls: int,
) -> dict[str, Any]:
    """The lesson's spec, from the options."""
    from antivenom.runner.lesson import lesson_points, lesson_source, lesson_spec, lesson_square  # noqa: PLC0415

    source = lesson_source(data, seed)
    square = lesson_square(source)
    placed = lesson_points(square) if points is None else _points(points)
    named = _labels(labels or "1", len(placed) if aim is None else 1)
    attack: dict[str, Any] | None = None
    if aim is not None:
        at = _points(aim)
        if len(at) != 1:
            raise SettingsError([f"--aim takes one point, X,Y; got '{aim}'."])
        attack = {"name": "aimed_chaff", "at": list(at[0]), "count": count, "calls": calls}
        attack |= {"low": square[0], "high": square[1], "label": None if labels is None else named[0]}
        placed = at * count
    return lesson_spec(
        source=source, model=model, points=placed, labels=named, calls=calls, square=square, seed=seed, attack=attack
    )


def _print(lesson: dict[str, Any]) -> None:
    table = Table(
        title="The boundary before, and after calls of partial_fit",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    columns = ("calls", "held-out accuracy", "area 0 → 1", "area 1 → 0", "clean rows instead", "turned wrong")
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row("0", f"{lesson['before']['accuracy']:.2f}", "", "", "", "")
    for each in lesson["after"]:
        shares = [f"{100 * each['flipped'][way]:.2f} %" for way in ("0 to 1", "1 to 0")]
        other = f"{100 * sum(each['control']['flipped'].values()):.2f} %"
        table.add_row(str(each["calls"]), f"{each['accuracy']:.2f}", *shares, other, str(len(each["turned_wrong"])))
    out_console.print(table)
    if aim := lesson.get("aim"):
        when = "does not turn" if aim["turned_after"] is None else f"turns after {aim['turned_after']} calls"
        places = "; ".join(f"{each['x']:.3g},{each['y']:.3g}" for each in lesson["points"])
        out_console.print(f"The point {aim['x']:g},{aim['y']:g} {when}. The poison: {places}", highlight=False)


def _check_lesson(experiment: "Experiment | Sweep", calls: int) -> None:
    """Refuse a spec, changed by --set, from which no lesson can be drawn.

    Raises:
        SettingsError: with what is missing.
    """
    from antivenom.arrivals import repeats_of  # noqa: PLC0415 - loads torch
    from antivenom.runner import Sweep  # noqa: PLC0415 - loads torch
    from antivenom.training.online import Online  # noqa: PLC0415 - loads torch

    if isinstance(experiment, Sweep):
        raise SettingsError(["The lesson is of one experiment; `antivenom run` takes a grid."])
    training = experiment.training
    if "boundary" not in experiment.analyses:
        raise SettingsError(["analysis must name boundary, which the lesson is drawn from."])
    if not isinstance(training, Online) or training.warm_up is None or training.warm_up_share != 1:
        raise SettingsError(["training must be online with a warm-up that has all rows (warm_up_share: 1)."])
    if training.checkpoints != calls or repeats_of(training.arrival) != calls:
        raise SettingsError([f"training.checkpoints and arrival.repeats are --repeats' largest, {calls}."])


def _print_notes(lesson: dict[str, Any], experiment: Any) -> None:
    square = lesson["square"]
    outside = sum(not all(square["low"] <= each[axis] <= square["high"] for axis in "xy") for each in lesson["points"])
    if outside:
        who = "1 point stands" if outside == 1 else f"{outside} points stand"
        out_console.print(f"[yellow]?[/yellow] {who} outside of the square that is drawn.", highlight=False)
    if experiment.repeats > 1:
        out_console.print("[yellow]?[/yellow] This is the first repeat; metrics.json has the means of all.")


def _counts(text: str) -> list[int]:
    problem = (
        f"--repeats must be 1 to {MOST_COUNTS} whole numbers from 1 to {MOST_CALLS}, such as 1,5,15; got '{text}'."
    )
    try:
        found = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise SettingsError([problem]) from None
    if len(found) > MOST_COUNTS or not 1 <= found[0] <= found[-1] <= MOST_CALLS:
        raise SettingsError([problem])
    return found


def _points(text: str) -> tuple[tuple[float, float], ...]:
    found = []
    for part in text.strip(" ;").split(";"):
        try:
            x, y = (float(each) for each in part.split(","))
        except ValueError:
            raise SettingsError([f"A point must be two numbers, X,Y; got '{part.strip()}'."]) from None
        if not (math.isfinite(x) and math.isfinite(y)):
            raise SettingsError([f"A point must be two finite numbers; got '{part.strip()}'."])
        found.append((x, y))
    if len(found) > MOST_POINTS:
        raise SettingsError([f"--points takes {MOST_POINTS} points at most; got {len(found)}."])
    return tuple(found)


def _labels(text: str, count: int) -> list[int]:
    parts = text.split(",")
    if not set(parts) <= {"0", "1"} or len(parts) not in (1, count):
        raise SettingsError([f"--labels must be 0 or 1, one for all {count} points or one each; got '{text}'."])
    return [int(part) for part in parts]


def playground(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8760,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen. Anything but this machine asks for a token.")
    ] = "127.0.0.1",
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --host: a name by which the page is asked for. Repeatable."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Open a page on which a decision boundary walks as you place poison.

    It listens on this machine alone, unless --host says otherwise; then the address carries a token.
    """
    from antivenom.playground.serving import serve  # noqa: PLC0415 - an extra

    serve(host, port, tuple(name or ()), tell=_print_address, open_page=open_page)


def _print_address(address: str) -> None:
    out_console.print(f"The playground is at {address}", highlight=False, soft_wrap=True)
    out_console.print("Ctrl-C ends it.", style="dim", highlight=False)
