"""Charts of one figure over the repeats of a run, or over the cells of a sweep."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.charts import Axis, Chart, Lines, Series, column, title_of, worded
from antivenom.charts.comparing import numeric_axis
from antivenom.charts.parts import Role
from antivenom.runner.scoring.metrics import Metrics

PERCENT = ("share", "points")


def figure_chart(key: str, metrics: Metrics, repeats: Sequence[Mapping[str, float | None]]) -> Lines:
    """Return a chart of one figure of victim and control: each repeat as a mark, and the mean with its interval."""
    entry = metrics[key]
    factor, label = scale_of(entry)
    keys: list[tuple[str, Role]] = [(key, "control" if entry["control"] else "victim")]
    if f"{key}.control" in metrics:
        keys.append((f"{key}.control", "control"))
    series = []
    for place, (each, role) in enumerate(keys):
        values = [values.get(each) for values in repeats]
        marks = column([math.nan if value is None else factor * value for value in values])
        series.append(Series(x=column([place] * len(marks)), y=marks, role=role, marks=True, faint=True))
        mean, low, high = (metrics[each][part] for part in ("mean", "low", "high"))
        ends = None if low is None or high is None else (column([factor * low]), column([factor * high]))
        y = column([math.nan if mean is None else factor * mean])
        low_, high_ = ends or (None, None)
        series.append(Series(label=role, x=column([place]), y=y, low=low_, high=high_, role=role, marks=True))
    words = ", ".join(f"{role} {worded(metrics[each]['mean'], entry['unit'])}" for each, role in keys)
    return Lines(
        name="figure",
        x=Axis(categories=tuple(role for _, role in keys)),
        y=Axis(label=label),
        series=tuple(series),
        caption=f"{key}: every repeat, and the mean with its 95 % interval.",
        alt=f"{key}: {words}.",
    )


def cells_chart(key: str, rows: Sequence[Mapping[str, Any]], axes: Sequence[str], entry: Mapping[str, Any]) -> Chart:
    """Return a chart of one figure of all cells: against the numeric axis if there is exactly one, otherwise by cell.

    Args:
        key: the key of the figure.
        rows: one row for each cell: `cell`, the value of each axis, and the figure as KEY, KEY.low and KEY.high.
        axes: the grid's keys.
        entry: the figure's entry in the metrics, with its name and unit.
    """
    factor, label = scale_of(entry)
    numeric = numeric_axis({axis: [row[axis] for row in rows] for axis in axes})
    if numeric is None:
        names = tuple(str(row["cell"]) for row in rows)
        series = (_series(key, rows, column(range(len(rows))), factor, ""),)
        return Lines(name="cells", x=Axis(categories=names), y=Axis(label=label), series=series, alt=f"{key} by cell.")
    others = [axis for axis in axes if axis != numeric]
    lines = []
    for name in dict.fromkeys(tuple(str(row[axis]) for axis in others) for row in rows):
        mine = [row for row in rows if tuple(str(row[axis]) for axis in others) == name]
        mine.sort(key=lambda row: float(row[numeric]))
        lines.append(_series(key, mine, column([row[numeric] for row in mine]), factor, ", ".join(name)))
    alt = f"{key} against {numeric}; lines: {len(lines)}."
    return Lines(name="cells", x=Axis(label=numeric), y=Axis(label=label), series=tuple(lines), alt=alt)


def scale_of(entry: Mapping[str, Any]) -> tuple[float, str]:
    """Return the factor for a figure's values on an axis, and the label of the axis."""
    title = title_of(str(entry["name"]))
    if entry["unit"] in PERCENT:
        return 100.0, f"{title}, {'%' if entry['unit'] == 'share' else 'points'}"
    unit = title_of(str(entry["unit"]))
    return 1.0, title if unit in ("none", title) else f"{title}, {unit}"


def _series(key: str, rows: Sequence[Mapping[str, Any]], x: Any, factor: float, label: str) -> Series:
    def values(part: str) -> Any:
        return column([math.nan if row.get(part) is None else factor * row[part] for row in rows])

    known = all(row.get(f"{key}.low") is not None for row in rows)
    low, high = (values(f"{key}.{end}") if known else None for end in ("low", "high"))
    return Series(label=label, x=x, y=values(key), low=low, high=high, marks=True)
