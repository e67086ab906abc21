"""The lesson of the walking boundary as a spec: a trained model is fed the same poisoned points again and again."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from antivenom.analysis.boundary import Boundary
from antivenom.errors import SettingsError
from antivenom.models.estimator_classes import CLASSES, class_of
from antivenom.runner.lesson_table import LessonTable, rounded
from antivenom.runner.spec.overrides import override

SHAPES = ("classification", "moons", "circles", "blobs")
SEED = 123
"""The `random_state` of the model in the original lesson."""
Range = tuple[float, float]
SIDE = 600
"""The number of grid points on each side of the square."""
OPTIMIZER = {"optimizer": "adam", "learning_rate": 0.01}
"""The updates of an `nn.Module` in a lesson."""
SETTINGS: dict[str, dict[str, Any]] = {"MLPClassifier": {"max_iter": 600}}
"""The settings of the model in the original lesson, by the class of scikit-learn."""


def lesson_source(data: str = "classification", seed: int | None = None) -> dict[str, Any]:
    """Return the data set of a lesson, in the form that a spec has.

    Args:
        data: one of `SHAPES`, or a CSV file with two columns of numbers and one of labels.
        seed: the seed for generated points. If omitted, the seed of the original lesson.

    >>> lesson_source("moons", seed=3)
    {'name': 'plane', 'shape': 'moons', 'random_state': 3}
    """
    if data in SHAPES:
        made = {"name": "plane", "shape": data}
        return made if seed is None else {**made, "random_state": seed}
    if not data.lower().endswith(".csv"):
        raise SettingsError([f"The data must be one of {', '.join(SHAPES)}, or a CSV file; got '{data}'."])
    return {"name": "csv", "path": data}


def lesson_overrides(source: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the data set of a lesson with the overrides of `dataset` set, and the other overrides.

    >>> lesson_overrides({"name": "csv", "path": "mine.csv"}, ["dataset.separator=;", "seed=3"])
    ({'name': 'csv', 'path': 'mine.csv', 'separator': ';'}, ['seed=3'])
    """
    own = [each for each in overrides if each.partition("=")[0].strip().partition(".")[0] == "dataset"]
    mapping: dict[str, Any] = {"dataset": dict(source)}
    override(mapping, own)
    chosen = mapping["dataset"]
    if not isinstance(chosen, dict) or "name" not in chosen:
        chosen = {"name": chosen}
    return chosen, [each for each in overrides if each not in own]


def lesson_ranges(rows: torch.Tensor | None = None) -> tuple[Range, Range]:
    """Return the range of each column that a lesson uses: -3 to 3, or the range of rows (n, 2) with a margin.

    >>> lesson_ranges()
    ((-3.0, 3.0), (-3.0, 3.0))
    """
    if rows is None:
        return (-3.0, 3.0), (-3.0, 3.0)
    x, y = (_with_margin(column) for column in rows.double().T)
    return x, y


def lesson_square(ranges: tuple[Range, Range]) -> Range:
    """Return the lower and the upper end of the square that a lesson shows: it contains the ranges of both columns.

    >>> lesson_square(((0.0, 2.0), (40.0, 90.0)))
    (0.0, 90.0)
    """
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _with_margin(column: torch.Tensor) -> Range:
    """Return the range of a column with a margin of a tenth on each side, rounded outwards."""
    low, high = float(column.min()), float(column.max())
    margin = 0.1 * (high - low) or max(1.0, 0.1 * abs(high))
    unit = 10.0 ** (math.floor(math.log10(high - low + 2 * margin)) - 2)
    ends = math.floor((low - margin) / unit) * unit, math.ceil((high + margin) / unit) * unit
    return float(f"{ends[0]:.12g}"), float(f"{ends[1]:.12g}")


def lesson_points(ranges: tuple[Range, Range] = ((-3.0, 3.0), (-3.0, 3.0))) -> tuple[tuple[float, float], ...]:
    """Return the five points of the original lesson, (-2, 0.1) to (-1, 0.1), scaled from -3 to 3 to other ranges.

    >>> lesson_points()[0], lesson_points(((0, 60), (0, 6)))[-1]
    ((-2.0, 0.1), (20.0, 3.1))
    """

    def placed(value: float, ends: Range) -> float:
        return rounded((ends[0] + ends[1]) / 2 + value * (ends[1] - ends[0]) / 6)

    return tuple((placed(x, ranges[0]), placed(0.1, ranges[1])) for x in (-2, -1.75, -1.5, -1.25, -1))


def lesson_spec(
    *,
    source: dict[str, Any],
    model: str | dict[str, Any] = "MLPClassifier",
    points: Sequence[tuple[float, float]],
    labels: Sequence[int],
    calls: int,
    square: tuple[float, float] = (-3.0, 3.0),
    seed: int | None = None,
    attack: dict[str, Any] | None = None,
    table: LessonTable | None = None,
) -> dict[str, Any]:
    """Return a spec for `antivenom run`: fit a model on clean rows, then feed it the points by calls of `partial_fit`.

    Args:
        source: the data set, from `lesson_source`.
        model: a class of scikit-learn that the model `estimator` allows; or another model that accepts two numbers, by
            its name; or a model as in a spec.
        points: the poisoned points.
        labels: one label for all points, or one for each.
        calls: the number of times that all points are fed.
        square: the lower and the upper end of the square in which the boundary is measured.
        seed: the seed of the model. If omitted, the seed of the original lesson.
        attack: the settings of the attack `aimed_chaff`, to use instead of the points.
        table: the table whose standardised rows are the data set. The charts show its units and the names of its
            columns. Points, square and attack are standardised.
    """
    chosen = lesson_model(model, seed)
    online: dict[str, Any] = {
        "name": "online",
        "warm_up": {"name": "own_fit"},
        "warm_up_share": 1,
        "batch_size": max(1, len(points)),
        "arrival": {"name": "at_point", "repeats": calls},
        "checkpoints": calls,
    }
    if chosen["name"] != "estimator":  # an nn.Module
        online["warm_up"] = {"name": "end_to_end", "epochs": 100, "learning_rate": 0.01, "batch_size": 32}
        online |= OPTIMIZER
        attack = attack and {**attack, **OPTIMIZER}
    low, high = square
    step = float(f"{(high - low) / SIDE:.9g}")
    usual = (low, high, step) == (Boundary.low, Boundary.high, Boundary.step)
    analysis: dict[str, Any] = {"name": "boundary", "rows_per_call": online["batch_size"]}
    analysis |= {} if usual else {"low": low, "high": high, "step": step}
    if table is not None:
        analysis |= {"columns": list(table.columns), "centre": list(table.centre), "unit": list(table.unit)}
    return {
        "name": "boundary",
        "dataset": source,
        "model": chosen,
        "attack": attack or {"name": "chaff", "points": [list(point) for point in points], "labels": list(labels)},
        "training": online,
        "analysis": [analysis],
        "seed": seed or 0,
    }


def lesson_model(model: str | dict[str, Any], seed: int | None = None) -> dict[str, Any]:
    """Return the model of a lesson, in the form that a spec has. See `lesson_spec`.

    >>> lesson_model("SGDClassifier", seed=3)
    {'name': 'estimator', 'class_name': 'SGDClassifier', 'random_state': 3}
    """
    if isinstance(model, dict):
        chosen = dict(model)
    elif model in CLASSES:
        chosen = {"name": "estimator", "class_name": model}
        chosen |= {"settings": dict(SETTINGS[model])} if model in SETTINGS else {}
    else:
        chosen = {"name": model}
    if (name := chosen.get("class_name")) in CLASSES and "random_state" in class_of(name)().get_params():
        chosen["random_state"] = SEED if seed is None else seed
    return chosen
