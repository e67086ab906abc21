"""The commands `antivenom boundary` and `antivenom playground`: how poison moves a decision boundary."""

import math
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from antivenom.cli_lesson import print_lesson
from antivenom.cli_notes import doubt_line, print_doubts
from antivenom.cli_runs import FolderParser
from antivenom.errors import SettingsError
from antivenom.terminal import err_console, out_console

if TYPE_CHECKING:
    from antivenom.runner import Experiment, Result, Sweep
    from antivenom.runner.events import Event
    from antivenom.runner.lesson_table import LessonTable
    from antivenom.runner.progress import Display

Point = tuple[float, float]

MOST_CALLS = 500
MOST_COUNTS = 12
MOST_POINTS = 200

Repeats = Annotated[
    str, typer.Option(metavar="N,N,…", help="Numbers of partial_fit calls after which to draw the boundary.")
]
Out = Annotated[Path, typer.Option("--out", help="The output folder.", **FolderParser)]
Points = Annotated[
    str | None,
    typer.Option(metavar="X,Y;X,Y;…", help="The poison. Default: five points within the range of the data."),
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|0|1|…",
        help="One class for all points, or one for each. Default: the second. With --aim, the search chooses it.",
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--estimator",
        metavar="NAME",
        help="MLPClassifier, SGDClassifier or GaussianNB of scikit-learn, or mlp (PyTorch), …",
    ),
]
Data = Annotated[
    str, typer.Option(metavar="NAME|FILE.csv", help="classification, moons, circles, blobs, or a CSV file.")
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=2**32 - 1, help="The seed of data and model. Default: that of the example.")
]
Aim = Annotated[
    str | None, typer.Option(metavar="X,Y", help="Search for points that flip the prediction here in few calls.")
]
PointCount = Annotated[
    int | None, typer.Option(min=1, max=MOST_POINTS, help="With --aim: the number of poison points. Default: 5.")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the spec. Repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print only boundary.json on stdout.")]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Allow the spec to run code by import path. Read that code first.")
]


def boundary(
    repeats: Repeats = "1,5,15",
    out: Out = Path("runs/boundary"),
    points: Points = None,
    labels: Labels = None,
    model: ModelName = "MLPClassifier",
    data: Data = "classification",
    seed: Seed = None,
    aim: Aim = None,
    count: PointCount = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
    allow_code: AllowCode = False,
) -> None:
    """Show how poison moves a decision boundary in the plane: numbers, charts and a film.

    A model is trained on 100 points. Then partial_fit trains it on the poison points, again and again. The default
    is a small example: five poison points and scikit-learn's MLPClassifier.
    """
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.report.lesson import write_lesson  # noqa: PLC0415
    from antivenom.runner import load_spec  # noqa: PLC0415 - loads torch
    from antivenom.runner.lesson import lesson_overrides, lesson_source  # noqa: PLC0415
    from antivenom.runner.lesson_table import read_lesson_table  # noqa: PLC0415
    from antivenom.runner.progress import display_for  # noqa: PLC0415

    counts = _counts(repeats)
    _check_aim(aim, points, count)
    source, others = lesson_overrides(lesson_source(data, seed), overrides or ())
    table = read_lesson_table(source) if source["name"] == "csv" else None
    spec = _spec(source, table, model, points, labels, seed, aim, count or 5, counts[-1])
    _check_lesson(load_spec(spec, overrides=others, allow_code=allow_code), counts[-1])
    with nullcontext(source) if table is None else table.written(out) as spec["dataset"]:
        experiment = _check_lesson(load_spec(spec, overrides=others, allow_code=allow_code), counts[-1])
        with display_for("auto", err_console) as display:
            result = _run_lesson(experiment, table, out, display)
            display.note("drawing")
            report = write_report(out)
            lesson = write_lesson(out, counts)
    if as_json:
        out_console.json(lesson)
        return
    print_lesson(out_console, lesson, default_points=points is None and aim is None)
    print_doubts(out_console, {"": result.doubts})
    if len(result.repeats) > 1:
        out_console.print(doubt_line("This table shows the first repeat. metrics.json has the means of all."))
    out_console.print(f"Numbers: {out / 'boundary.json'}", soft_wrap=True)
    out_console.print(f"Film: {out / 'boundary.gif'}", soft_wrap=True)
    out_console.print(f"Report: {report}", soft_wrap=True)


def _run_lesson(experiment: "Experiment", table: "LessonTable | None", out: Path, display: "Display") -> "Result":
    """Run the experiment. The assumptions are about the user's table, and not about the files made from it."""
    from antivenom.runner.events import Planned  # noqa: PLC0415 - loads torch
    from antivenom.storage.store import Store  # noqa: PLC0415

    def on_event(event: "Event") -> None:
        if isinstance(event, Planned) and table is not None:
            event = replace(event, assumptions=table.assumptions_with(event.assumptions))
        display.on_event(event)

    result = experiment.run(out=out, store=Store.default(), device="cpu", progress=False, on_event=on_event)
    if table is not None:
        assumptions = list(table.assumptions_with(result.about["assumptions"]))
        result = replace(result, about={**result.about, "assumptions": assumptions})
        result.save(out)
    return result


def _check_aim(aim: str | None, points: str | None, count: int | None) -> None:
    """Check the options that belong to --aim."""
    if aim is not None and points is not None:
        raise SettingsError(["--points and --aim cannot be used together: --aim finds the points itself. Remove one."])
    if count is not None and aim is None:
        raise SettingsError(["--count requires --aim. Add --aim X,Y, or remove --count."])


def _spec(
    source: dict[str, Any],
    table: "LessonTable | None",
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

    square = lesson.lesson_square(lesson.lesson_ranges(None if table is None else table.rows(scaled=True)))
    if points is None:
        placed = lesson.lesson_points(lesson.lesson_ranges(None if table is None else table.rows()))
    else:
        placed = _points(points)
    classes = _labels(labels, len(placed) if aim is None else 1, ("0", "1") if table is None else table.classes)
    attack: dict[str, Any] | None = None
    if aim is not None:
        placed = _points(aim)
        if len(placed) != 1:
            raise SettingsError([f"--aim takes one point, X,Y; got '{aim}'."])
        attack = {"name": "aimed_chaff", "count": count, "calls": calls, "low": square[0], "high": square[1]}
        attack["label"] = None if labels is None else classes[0]
    scaled = placed if table is None else table.standardised(placed)
    if attack is not None:
        _check_inside(placed[0], scaled[0], square, table)
        attack["at"], scaled = list(scaled[0]), scaled * count
    return lesson.lesson_spec(
        source=source,
        model=model,
        points=scaled,
        labels=classes,
        calls=calls,
        square=square,
        seed=seed,
        attack=attack,
        table=table,
    )


def _check_inside(at: Point, scaled: Point, square: Point, table: "LessonTable | None") -> None:
    """Check that the target is within the square around the data. `scaled` is the target in the square's units."""
    low, high = square
    if all(low <= each <= high for each in scaled):
        return
    limits = f"from {low:g} to {high:g} in both directions"
    if table is not None:
        lowest, highest = table.in_units((low, low)), table.in_units((high, high))
        limits = " and ".join(
            f"from {one:.4g} to {other:.4g} for {name}"
            for one, other, name in zip(lowest, highest, table.columns, strict=True)
        )
    raise SettingsError(
        [
            f"--aim must be inside the square around the data, {limits}; got {at[0]:g},{at[1]:g}. "
            "Choose a point near the data."
        ]
    )


def _check_lesson(experiment: "Experiment | Sweep", calls: int) -> "Experiment":
    """Return the experiment, or refuse a spec that `antivenom boundary` cannot draw because of a --set option.

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
    return experiment


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


def _labels(text: str | None, count: int, classes: tuple[str, ...]) -> list[int]:
    """Return the class number of each label: the name of a class, or 0 or 1 if the names are not numbers."""
    if text is None:
        return [1]
    numbers = {name: number for number, name in enumerate(classes)}
    if not any(name.isdigit() for name in classes):
        numbers |= {"0": 0, "1": 1}
    parts = [part.strip() for part in text.split(",")]
    if not set(parts) <= set(numbers) or len(parts) not in (1, count):
        accepted = " or ".join(classes)
        raise SettingsError(
            [f"--labels must be {accepted}, once for all {count} points or once for each; got '{text}'."]
        )
    return [numbers[part] for part in parts]


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
    out_console.print(f"The playground is at {address}", soft_wrap=True)
    out_console.print("Press Ctrl-C to stop it.", style="dim")
