"""The responses that the page draws: numbers, boundaries and the model's scores over the square."""

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
    """Return all numbers and lines of a board on the coarse grid, which is fast enough while the board changes."""
    start, seen = start_of(board.data, board.model, board.seed), defended(board)
    classifier = at_call(seen)
    after = field(classifier) if board.calls else start.coarse
    predicted = np.asarray(predictions(classifier, start.test).numpy())
    true = start.test.y.numpy()
    shares = flipped(start.coarse[:-1, :-1], after[:-1, :-1])
    response = {
        "calls": board.calls,
        "grid": COARSE,
        "probable": "probabilities" in start.classifier.can,
        "accuracy": [float((each == true).mean()) for each in (start.predicted, predicted)],
        "flipped": shares,
        "poison": _point_scores(board, classifier, start),
        "kept": kept_points(board),
        "false_alarms": false_alarms(board),
        "wrong": np.flatnonzero((start.predicted == true) & (predicted != true)).tolist(),
        "lines": {"before": _lines(start.coarse), "after": _lines(after)},
        "fields": {"before": _bytes(start.coarse, start), "after": _bytes(after, start)},
        "side": len(after),
    }
    if board.defence != "none":
        undefended = field(at_call(board)) if board.calls else start.coarse
        response["undefended"] = {
            "flipped": flipped(start.coarse[:-1, :-1], undefended[:-1, :-1]),
            "lines": _lines(undefended),
        }
    return response


def scene(board: Board) -> dict[str, Any]:
    """Return the parts of the page that do not change when points are placed: the rows and the limits."""
    start = start_of(board.data, board.model, board.seed)
    return {
        "test": np.round(start.test.x.numpy().astype(float), 4).tolist(),
        "classes": start.test.y.tolist(),
        "lesson": [[*point, 1] for point in lesson_points(((LOW, HIGH), (LOW, HIGH)))],
        "limits": {"points": MOST_POINTS, "calls": MOST_CALLS, "low": LOW, "high": HIGH},
    }


def refined(board: Board) -> dict[str, Any]:
    """Return the flipped areas on the fine grid, of the victim and of the control."""
    start, seen = start_of(board.data, board.model, board.seed), defended(board)
    points = Square(LOW, HIGH, FINE).points

    def area(classifier: Classifier) -> tuple[float, float]:
        return flipped(start.fine, margin(classifier, points))

    response: dict[str, Any] = {"grid": FINE, "flipped": (0.0, 0.0), "control": (0.0, 0.0)}
    if board.calls and seen.points:
        response |= {"flipped": area(at_call(seen)), "control": area(at_call(seen, clean=True))}
    if board.defence != "none":
        response["undefended"] = area(at_call(board))
    return response


def picture(board: Board) -> bytes:
    """Return a PNG of the board before and after the poison, side by side."""
    start, seen = start_of(board.data, board.model, board.seed), defended(board)
    classifier = at_call(seen)
    after = field(classifier)
    poison = np.array([point[:2] for point in board.points], np.float32).reshape(-1, 2)
    kept = np.array(kept_points(board), bool)
    walk = Walk(
        square=Square(LOW, HIGH, FINE),
        probable="probabilities" in start.classifier.can,
        rows=np.array([board.calls]),
        rows_per_call=1,
        ticks=np.linspace(LOW, HIGH, len(after)),
        before=start.coarse,
        after=after[None],
        flipped=np.array([flipped(start.fine, margin(classifier, Square(LOW, HIGH, FINE).points))]),
        test=start.test.x.numpy(),
        test_classes=start.test.y.numpy(),
        predicted_before=start.predicted,
        predicted=predictions(classifier, start.test).numpy()[None],
        poison=poison,
        poison_classes=np.array([point[2] for point in board.points], np.int64),
        dropped=poison[~kept],
    )
    return walk_chart(walk, [0]).to_png()


def _point_scores(board: Board, classifier: Any, start: Start) -> list[float]:
    """Return the score of each point: P(y = 1), or the decision function if the model has no probabilities."""
    if not board.points:
        return []
    x = torch.tensor([point[:2] for point in board.points], dtype=torch.float32)
    shift = 0.5 if "probabilities" in start.classifier.can else 0.0
    return [round(float(each) + shift, 4) for each in margin(classifier, x)]


def _lines(values: Field) -> list[list[list[float]]]:
    """Return the boundary as polylines."""
    ticks = np.linspace(LOW, HIGH, len(values))
    contours: Any = contour_generator(ticks, ticks, values).lines(0.0)
    return [np.round(line, 3).tolist() for line in contours]


def _bytes(values: Field, start: Start) -> str:
    """Return the scores over the square as bytes in base64: 0 is certainly class 0, 255 certainly class 1."""
    scale = 1.0 if "probabilities" in start.classifier.can else 1 / (2 * max(1e-9, float(np.abs(start.coarse).max())))
    return base64.b64encode(np.round((values * scale + 0.5).clip(0, 1) * 255).astype(np.uint8).tobytes()).decode()
