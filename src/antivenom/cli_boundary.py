"""The commands `antivenom boundary` and `antivenom playground`: how poison moves a decision boundary."""

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
        str, typer.Option(metavar="N,N,…", help="Numbers of partial_fit calls after which to draw the boundary.")
    ] = "1,5,15",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The output folder.")] = Path("runs/boundary"),
    points: Annotated[
        str | None,
        typer.Option(metavar="X,Y;X,Y;…", help="The poison. Default: five points within the range of the data."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="0|1|0,1,…",
            help="One label for all points, or one for each. Default: 1. With --aim, the search chooses it.",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--estimator",
            metavar="NAME",
            help="MLPClassifier, SGDClassifier or GaussianNB of scikit-learn, or mlp (PyTorch), …",
        ),
    ] = "MLPClassifier",
    data: Annotated[
        str, typer.Option(metavar="NAME|FILE.csv", help="classification, moons, circles, blobs, or a CSV file.")
    ] = "classification",
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="The seed of data and model. Default: that of the example.")
    ] = None,
    aim: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Find points that flip the prediction here in the fewest calls.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, max=MOST_POINTS, help="With --aim: the number of poison points. Default: 5.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print only boundary.json on stdout.")] = False,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Allow the spec to run code by import path. Read that code first.")
    ] = False,
) -> None:
    """Show how poison moves a decision boundary in the plane: numbers, charts and a film.

    A model is trained on 100 points. Then partial_fit trains it on the poison points, again and again. The default
    is a small example: five poison points and scikit-learn's MLPClassifier.
    """
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.report.lesson import write_lesson  # noqa: PLC0415
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import display_for  # noqa: PLC0415
    from antivenom.storage.store import Store  # noqa: PLC0415

    counts = _counts(repeats)
    _check_aim(aim, points, count)
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
    if points is None and aim is None:
        first, last = (f"{each['x']:g},{each['y']:g}" for each in (lesson["points"][0], lesson["points"][-1]))
        place = f"The poison is placed relative to the range of the data, from {first} to {last}."
        out_console.print(f"{place} --points places it elsewhere.", highlight=False)
    _print_notes(lesson, experiment)
    out_console.print(f"Numbers: {out / 'boundary.json'}", highlight=False, soft_wrap=True)
    out_console.print(f"Film: {out / 'boundary.gif'}", highlight=False, soft_wrap=True)
    out_console.print(f"Report: {report}", highlight=False, soft_wrap=True)


def _check_aim(aim: str | None, points: str | None, count: int | None) -> None:
    """Check the options that belong to --aim."""
    if aim is not None and points is not None:
        raise SettingsError(["--points and --aim cannot be used together: --aim finds the points itself. Remove one."])
    if count is not None and aim is None:
        raise SettingsError(["--count requires --aim. Add --aim X,Y, or remove --count."])


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
    """Return the spec of the experiment that the options describe."""
    from antivenom.runner import lesson  # noqa: PLC0415 - loads torch

    source = lesson.lesson_source(data, seed)
    ranges = lesson.lesson_ranges(source)
    square = lesson.lesson_square(ranges)
    placed = lesson.lesson_points(ranges) if points is None else _points(points)
    classes = _labels(labels or "1", len(placed) if aim is None else 1)
    attack: dict[str, Any] | None = None
    if aim is not None:
        at = _points(aim)
        if len(at) != 1:
            raise SettingsError([f"--aim takes one point, X,Y; got '{aim}'."])
        _check_inside(at[0], square)
        attack = {"name": "aimed_chaff", "at": list(at[0]), "count": count, "calls": calls}
        attack |= {"low": square[0], "high": square[1], "label": None if labels is None else classes[0]}
        placed = at * count
    return lesson.lesson_spec(
        source=source, model=model, points=placed, labels=classes, calls=calls, square=square, seed=seed, attack=attack
    )


def _check_inside(at: tuple[float, float], square: tuple[float, float]) -> None:
    low, high = square
    if not all(low <= each <= high for each in at):
        raise SettingsError(
            [
                f"--aim must be inside the square around the data, from {low:g} to {high:g} in both directions; "
                f"got {at[0]:g},{at[1]:g}. Choose a point near the data."
            ]
        )


def _print(lesson: dict[str, Any]) -> None:
    table = Table(
        title="The boundary after calls of partial_fit",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    columns = ("calls", "held-out accuracy", "area 0 → 1", "area 1 → 0", "control's area", "new errors")
    for name in columns:
        table.add_column(name, justify="right")
    table.add_row("0", f"{lesson['before']['accuracy']:.2f}", "", "", "", "")
    for each in lesson["after"]:
        shares = [f"{100 * each['flipped'][direction]:.2f} %" for direction in ("0 to 1", "1 to 0")]
        control = f"{100 * sum(each['control']['flipped'].values()):.2f} %"
        table.add_row(str(each["calls"]), f"{each['accuracy']:.2f}", *shares, control, str(len(each["turned_wrong"])))
    out_console.print(table)
    if aim := lesson.get("aim"):
        calls = aim["turned_after"]
        when = "does not flip" if calls is None else f"flips after {calls} call{'s' * (calls != 1)}"
        points = "; ".join(f"{each['x']:.3g},{each['y']:.3g}" for each in lesson["points"])
        out_console.print(f"The prediction at {aim['x']:g},{aim['y']:g} {when}. Poison: {points}", highlight=False)


def _check_lesson(experiment: "Experiment | Sweep", calls: int) -> None:
    """Refuse a spec that `antivenom boundary` cannot draw because of a --set option.

    Raises:
        SettingsError: the spec has a grid, lacks the analysis, or has an unsuitable training.
    """
    from antivenom.arrivals import repeats_of  # noqa: PLC0415 - loads torch
    from antivenom.runner import Sweep  # noqa: PLC0415 - loads torch
    from antivenom.training.online import Online  # noqa: PLC0415 - loads torch

    if isinstance(experiment, Sweep):
        raise SettingsError(["`antivenom boundary` requires a spec without a grid. Use `antivenom run` for a grid."])
    training = experiment.training
    if "boundary" not in experiment.analyses:
        raise SettingsError(["analysis must include boundary; `antivenom boundary` draws its results."])
    if not isinstance(training, Online) or training.warm_up is None or training.warm_up_share != 1:
        raise SettingsError(["training must be online, with a warm_up and warm_up_share: 1."])
    if training.checkpoints != calls or repeats_of(training.arrival) != calls:
        raise SettingsError(
            [f"training.checkpoints and training.arrival.repeats must be {calls}, the largest of --repeats."]
        )


def _print_notes(lesson: dict[str, Any], experiment: Any) -> None:
    square = lesson["square"]
    outside = sum(not all(square["low"] <= each[axis] <= square["high"] for axis in "xy") for each in lesson["points"])
    if outside:
        points = "1 point lies" if outside == 1 else f"{outside} points lie"
        out_console.print(f"[yellow]?[/yellow] {points} outside the square that is drawn.", highlight=False)
    if experiment.repeats > 1:
        out_console.print("[yellow]?[/yellow] This table shows the first repeat. metrics.json has the means of all.")


def _counts(text: str) -> list[int]:
    problem = (
        f"--repeats must be 1 to {MOST_COUNTS} whole numbers from 1 to {MOST_CALLS}, such as 1,5,15; got '{text}'."
    )
    try:
        counts = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise SettingsError([problem]) from None
    if len(counts) > MOST_COUNTS or not 1 <= counts[0] <= counts[-1] <= MOST_CALLS:
        raise SettingsError([problem])
    return counts


def _points(text: str) -> tuple[tuple[float, float], ...]:
    points = []
    for part in text.strip(" ;").split(";"):
        try:
            x, y = (float(each) for each in part.split(","))
        except ValueError:
            raise SettingsError([f"A point must be two numbers, X,Y; got '{part.strip()}'."]) from None
        if not (math.isfinite(x) and math.isfinite(y)):
            raise SettingsError([f"A point must be two finite numbers; got '{part.strip()}'."])
        points.append((x, y))
    if len(points) > MOST_POINTS:
        raise SettingsError([f"--points takes at most {MOST_POINTS} points; got {len(points)}."])
    return tuple(points)


def _labels(text: str, count: int) -> list[int]:
    parts = text.split(",")
    if not set(parts) <= {"0", "1"} or len(parts) not in (1, count):
        raise SettingsError([f"--labels must be 0 or 1, once for all {count} points or once for each; got '{text}'."])
    return [int(part) for part in parts]


def playground(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port. 0 chooses a free one.")] = 8760,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The address to listen on. For any other address, visitors need a token."),
    ] = "127.0.0.1",
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="With --host: another host name of this server. Repeatable."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve a page that shows how a decision boundary moves when you place poison.

    The server accepts connections from this machine only. With --host it accepts others, and the address contains a
    token.
    """
    from antivenom.playground.serving import serve  # noqa: PLC0415 - an extra

    serve(host, port, tuple(name or ()), on_listening=_print_address, open_page=open_page)


def _print_address(address: str) -> None:
    out_console.print(f"The playground is at {address}", highlight=False, soft_wrap=True)
    out_console.print("Press Ctrl-C to stop it.", style="dim", highlight=False)
