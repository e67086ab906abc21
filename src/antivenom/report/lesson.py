"""Writing the lesson of the walking boundary from a finished run: numbers, figures and a film."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from antivenom.analysis.walk import Array, Walk
from antivenom.errors import RunError
from antivenom.files.writing import inside, write_bytes, write_text
from antivenom.report.film import write_film
from antivenom.report.lesson_charts import frames, lesson_charts
from antivenom.report.run import Run, read_run

PREFIX = "analysis.boundary."


def write_lesson(folder: Path, repeats: Sequence[int]) -> dict[str, Any]:
    """Write `boundary.json`, `boundary.gif` and the lesson's charts as PNG and SVG to a finished run's folder.

    If ffmpeg is installed, `boundary.mp4` is written too.

    Args:
        folder: the folder of a run with the analysis `boundary` and online training on a stream of poison only.
        repeats: the numbers of calls after which the boundary is reported and drawn.

    Returns:
        The content of `boundary.json`.

    Raises:
        RunError: the run does not have the analysis, or a checkpoint after one of these numbers of calls.
    """
    run = read_run(folder)
    data = {name.removeprefix(PREFIX): array for name, array in run.arrays.items() if name.startswith(PREFIX)}
    if not data:
        raise RunError(f"{folder} was run without the analysis 'boundary'. Add it to the spec and run it again.")
    walk = Walk.of(data, rows_per_call=_rows_per_call(run))
    known = [int(each) for each in walk.steps]
    if absent := sorted(set(repeats) - set(known)):
        raise RunError(
            f"{folder} does not have a checkpoint after {absent[0]} call{'' if absent[0] == 1 else 's'}. "
            f"Choose from: {', '.join(map(str, known))}."
        )
    steps = [known.index(each) for each in sorted(set(repeats))]
    for old in (folder / "figures").glob("[0-9]*-after-*"):  # of an earlier lesson in the same folder
        old.unlink()
    for name, chart in lesson_charts(walk, steps):
        write_bytes(inside(folder, "figures", f"{name}.png"), chart.to_png())
        write_bytes(inside(folder, "figures", f"{name}.svg"), chart.to_svg())
    write_film(folder / "boundary.gif", [chart.to_png() for chart in frames(walk)])
    content = numbers(walk, data, steps)
    write_text(folder / "boundary.json", json.dumps(content, indent=2, allow_nan=False) + "\n")
    return content


def numbers(walk: Walk, data: Mapping[str, Array], steps: Sequence[int]) -> dict[str, Any]:
    """Return the numbers of the lesson: before the stream and after each step, for victim and control."""
    poison = [
        {"x": _as_written(x), "y": _as_written(y), "label": int(label)}
        for (x, y), label in zip(walk.shown(walk.poison), walk.poison_classes, strict=True)
    ]
    return {
        **_aim(walk, data),
        "classes": list(walk.classes),
        "columns": list(walk.columns),
        "square": {"low": walk.square.low, "high": walk.square.high, "step": walk.square.step},
        "shown": {axis: [float(low), float(high)] for axis, (low, high) in zip("xy", walk.shown_ends().T, strict=True)},
        "held_out": len(walk.test),
        "points": poison,
        "poison_is": walk.score,
        "before": {
            "accuracy": walk.accuracy(None),
            "boundary": _heights(walk, data, data["heights_before"]),
            "poison": _scores(walk, data["poison_before"]),
        },
        "after": [_after(walk, data, step) for step in steps],
    }


def _after(walk: Walk, data: Mapping[str, Array], step: int) -> dict[str, Any]:
    wrong, right = walk.turned(step)
    return {
        "calls": int(walk.steps[step]),
        "accuracy": walk.accuracy(step),
        "flipped": _flipped(walk.flipped[step]),
        "boundary": _heights(walk, data, data["heights"][step]),
        "poison": _scores(walk, data["poison_after"][step]),
        "turned_wrong": [_point(walk, int(each)) for each in wrong],
        "turned_right": [_point(walk, int(each)) for each in right],
        "control": {
            "accuracy": float((data["predicted.control"][step] == walk.test_classes).mean()),
            "flipped": _flipped(data["flipped.control"][step]),
            "boundary": _heights(walk, data, data["heights.control"][step]),
        },
    }


def _aim(walk: Walk, data: Mapping[str, Array]) -> dict[str, Any]:
    """Return the target point, and the number of calls after which its class changed, for victim and control."""
    if walk.aim is None:
        return {}
    (x, y), *_ = walk.shown(walk.aim[None])
    victim, control = (int(walk.steps[np.argmax(each)]) if each.any() else None for each in data["aim_turned"])
    aim = {"x": _as_written(x), "y": _as_written(y), "turned_after": victim, "turned_after.control": control}
    return {"aim": aim}


def _rows_per_call(run: Run) -> int | None:
    """Return the number of rows of a call of `partial_fit`, or None if the stream has other rows than poison."""
    training = run.spec["training"]
    alone = training.get("name") == "online" and training.get("warm_up") and training.get("warm_up_share") == 1
    return int(training["batch_size"]) if alone else None


def _heights(walk: Walk, data: Mapping[str, Array], heights: Array) -> dict[str, list[float]]:
    """Return the heights of the boundary on each vertical line, in the units of the charts."""
    lines = {}
    for place, row in zip(data["places"], heights, strict=True):
        on_line = np.stack([np.full_like(row, place), row], 1)[~np.isnan(row)]
        x = walk.shown(np.array([[place, 0.0]]))[0, 0]
        lines[f"{x:g}"] = [float(y) for _, y in walk.shown(on_line)]
    return lines


def _scores(walk: Walk, margins: Array) -> list[float | None]:
    shift = 0.5 if walk.probable else 0.0
    return [float(each) + shift if np.isfinite(each) else None for each in margins]


def _flipped(shares: Array) -> dict[str, float]:
    return {"0 to 1": float(shares[0]), "1 to 0": float(shares[1])}


def _point(walk: Walk, number: int) -> dict[str, Any]:
    x, y = walk.shown(walk.test[number])
    return {"row": number, "x": _as_written(x), "y": _as_written(y), "class": int(walk.test_classes[number])}


def _as_written(value: Any) -> float:
    """Return a number with the 7 digits of a float32: 0.1, not 0.10000000149."""
    return float(f"{value:.7g}")
