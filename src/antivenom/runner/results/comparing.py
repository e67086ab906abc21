"""Charts of one figure over the repeats of a run, or over the cells of a sweep."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.charts import Axis, Bars, BarSeries, Chart, Lines, Series, column, title_of, worded
from antivenom.charts.comparing import numeric_axis
from antivenom.charts.parts import Role
from antivenom.runner.scoring.metrics import Metrics

PERCENT = {"share": "%", "yes_no": "% of the repeats", "points": "points"}
CELLS_NAMED = 6
"""The number of cells that a caption names."""


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
        y=Axis(label=label, high=_end(entry)),
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
    caption = _caption(key, rows)
    numeric = numeric_axis({axis: [row[axis] for row in rows] for axis in axes})
    if numeric is None:
        names = tuple(str(row["cell"]) for row in rows)
        bars = (BarSeries(**_values(key, rows, factor)),)
        value = Axis(label=label, high=_end(entry))
        return Bars(name="cells", categories=names, value=value, series=bars, caption=caption, alt=f"{key} by cell.")
    others = [axis for axis in axes if axis != numeric]
    lines = []
    for name in dict.fromkeys(tuple(str(row[axis]) for axis in others) for row in rows):
        mine = [row for row in rows if tuple(str(row[axis]) for axis in others) == name]
        mine.sort(key=lambda row: float(row[numeric]))
        x = column([row[numeric] for row in mine])
        lines.append(Series(label=", ".join(name), x=x, marks=True, **_values(key, mine, factor, "y")))
    missing = sorted({row[numeric] for row in rows if row.get(key) is None})
    return Lines(
        name="cells",
        x=Axis(label=numeric),
        y=Axis(label=label, high=_end(entry)),
        series=tuple(lines),
        ticks=column(missing) if missing else None,
        tick_label="no value",
        caption=caption,
        alt=f"{key} against {numeric}; lines: {len(lines)}.",
    )


def scale_of(entry: Mapping[str, Any]) -> tuple[float, str]:
    """Return the factor for a figure's values on an axis, and the label of the axis."""
    title = title_of(str(entry["name"]))
    if entry["unit"] in PERCENT:
        return 100.0, f"{title}, {PERCENT[entry['unit']]}"
    unit = title_of(str(entry["unit"]))
    return 1.0, title if unit in ("none", title) else f"{title}, {unit}"


def _end(entry: Mapping[str, Any]) -> float | None:
    """Return the end of a figure's axis: 100 % for shares, with room for half a mark; None for other figures."""
    return 100.9 if entry["unit"] in ("share", "yes_no") else None


def _values(key: str, rows: Sequence[Mapping[str, Any]], factor: float, name: str = "values") -> dict[str, Any]:
    """Return the value and interval of each row as arguments of a series, NaN where a cell does not have them."""

    def values(part: str) -> Any:
        return column([math.nan if row.get(part) is None else factor * row[part] for row in rows])

    known = any(row.get(f"{key}.low") is not None for row in rows)
    low, high = (values(f"{key}.{end}") if known else None for end in ("low", "high"))
    return {name: values(key), "low": low, "high": high}


def _caption(key: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a caption that says what is drawn, and which cells have no value."""
    known = any(row.get(f"{key}.low") is not None for row in rows)
    parts = ["Means over the repeats with their 95 % intervals." if known else "Means over the repeats."]
    missing = [str(row["cell"]) for row in rows if row.get(key) is None]
    if missing:
        more = f" and {len(missing) - CELLS_NAMED} more" if len(missing) > CELLS_NAMED else ""
        parts.append(f"No value: {', '.join(missing[:CELLS_NAMED])}{more}.")
    return " ".join(parts)
