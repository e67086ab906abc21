"""What the page is told of a board: numbers, boundaries, and what the model says of the square."""

import base64
from typing import Any

import numpy as np
import torch
from contourpy import contour_generator
from numpy.typing import NDArray

from antivenom.analysis import Square, flipped, margin
from antivenom.analysis.boundary_charts import walk_chart
from antivenom.analysis.walk import Walk
from antivenom.models import Classifier, predictions
from antivenom.playground.board import (
    COARSE,
    FINE,
    HIGH,
    LOW,
    MOST_CALLS,
    MOST_POINTS,
    Board,
    Start,
    at_call,
    defended,
    false_alarms,
    field,
    kept_points,
    start_of,
)
from antivenom.runner.lesson import lesson_points

Field = NDArray[np.float64]


def answer(board: Board) -> dict[str, Any]:
    """Everything that is drawn and told while things move, on the coarse grid."""
    start, seen = start_of(board.data, board.model, board.seed), defended(board)
    after = at_call(seen)
    there = field(after) if board.calls else start.coarse
    said = np.asarray(predictions(after, start.test).numpy())
    true = start.test.y.numpy()
    shares = flipped(start.coarse[:-1, :-1], there[:-1, :-1])
    told = {
        "calls": board.calls,
        "grid": COARSE,
        "probable": "probabilities" in start.classifier.can,
        "accuracy": [float((each == true).mean()) for each in (start.said, said)],
        "flipped": shares,
        "poison": _of_points(board, after, start),
        "kept": kept_points(board),
        "false_alarms": false_alarms(board),
        "wrong": np.flatnonzero((start.said == true) & (said != true)).tolist(),
        "lines": {"before": _lines(start.coarse), "after": _lines(there)},
        "fields": {"before": _bytes(start.coarse, start), "after": _bytes(there, start)},
        "side": len(there),
    }
    if board.defence != "none":
        bare = field(at_call(board)) if board.calls else start.coarse
        told["undefended"] = {
            "flipped": flipped(start.coarse[:-1, :-1], bare[:-1, :-1]),
            "lines": _lines(bare),
        }
    return told


def scene(board: Board) -> dict[str, Any]:
    """What stays the same while points are placed: the rows."""
    start = start_of(board.data, board.model, board.seed)
    return {
        "test": np.round(start.test.x.numpy().astype(float), 4).tolist(),
        "classes": start.test.y.tolist(),
        "lesson": [[*point, 1] for point in lesson_points((LOW, HIGH))],
        "limits": {"points": MOST_POINTS, "calls": MOST_CALLS, "low": LOW, "high": HIGH},
    }


def refined(board: Board) -> dict[str, Any]:
    """The areas on the fine grid, and what clean rows in the poison's place would have done."""
    start, seen = start_of(board.data, board.model, board.seed), defended(board)
    points = Square(LOW, HIGH, FINE).points

    def area(classifier: Classifier) -> tuple[float, float]:
        return flipped(start.fine, margin(classifier, points))

    told: dict[str, Any] = {"grid": FINE, "flipped": (0.0, 0.0), "control": (0.0, 0.0)}
    if board.calls and seen.points:
        told |= {"flipped": area(at_call(seen)), "control": area(at_call(seen, clean=True))}
    if board.defence != "none":
        told["undefended"] = area(at_call(board))
    return told


def picture(board: Board) -> bytes:
    """Before and after, side by side, as a PNG."""
    start, seen = start_of(board.data, board.model, board.seed), defended(board)
    after = at_call(seen)
    there = field(after)
    poison = np.array([point[:2] for point in board.points], np.float32).reshape(-1, 2)
    kept = np.array(kept_points(board), bool)
    walk = Walk(
        square=Square(LOW, HIGH, FINE),
        probable="probabilities" in start.classifier.can,
        rows=np.array([board.calls]),
        rows_per_call=1,
        ticks=np.linspace(LOW, HIGH, len(there)),
        before=start.coarse,
        after=there[None],
        flipped=np.array([flipped(start.fine, margin(after, Square(LOW, HIGH, FINE).points))]),
        test=start.test.x.numpy(),
        test_classes=start.test.y.numpy(),
        predicted_before=start.said,
        predicted=predictions(after, start.test).numpy()[None],
        poison=poison,
        poison_classes=np.array([point[2] for point in board.points], np.int64),
        dropped=poison[~kept],
    )
    return walk_chart(walk, [0]).to_png()


def _of_points(board: Board, after: Any, start: Start) -> list[float]:
    """What the model says of each point: P(y = 1), or its decision function."""
    if not board.points:
        return []
    x = torch.tensor([point[:2] for point in board.points], dtype=torch.float32)
    shift = 0.5 if "probabilities" in start.classifier.can else 0.0
    return [round(float(each) + shift, 4) for each in margin(after, x)]


def _lines(values: Field) -> list[list[list[float]]]:
    """The boundary as lines of points."""
    ticks = np.linspace(LOW, HIGH, len(values))
    found: Any = contour_generator(ticks, ticks, values).lines(0.0)
    return [np.round(line, 3).tolist() for line in found]


def _bytes(values: Field, start: Start) -> str:
    """The field in bytes, base64: 0 is surely class 0, 255 surely class 1."""
    scale = 1.0 if "probabilities" in start.classifier.can else 1 / (2 * max(1e-9, float(np.abs(start.coarse).max())))
    return base64.b64encode(np.round((values * scale + 0.5).clip(0, 1) * 255).astype(np.uint8).tobytes()).decode()
