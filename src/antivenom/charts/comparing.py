"""Charts that compare one figure over the cells of a grid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from antivenom.charts._checks import Array, column
from antivenom.charts.data import Bars, Chart, Lines, Panels
from antivenom.charts.figure import Unit
from antivenom.charts.parts import Axis, BarSeries, Role, Series

MOST_PANELS = 12
SCALES: Mapping[Unit, tuple[float, str]] = {
    "share": (100.0, ", %"),
    "yes_no": (100.0, ", % of the repeats"),
    "points": (100.0, ", points"),
    "seconds": (1.0, ", seconds"),
    "nats": (1.0, ", nats"),
}
"""The factor for values of each unit on an axis, and the text that follows the axis's label."""


@dataclass(frozen=True, kw_only=True)
class Value:
    """A figure's mean over the repeats, and its 95 % interval. None means that it does not apply."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure in all cells.

    Args:
        title: the title of the figure, in words.
        unit: the unit of the figure.
        victim: the value for the victim in each cell, in the order of the cells.
        control: the value for the control in each cell; empty if the figure has no control.
    """

    title: str
    unit: Unit
    victim: Sequence[Value]
    control: Sequence[Value] = ()


def numeric_axis(axes: Mapping[str, Sequence[object]]) -> str | None:
    """Return the only axis of a grid with at least three different numbers, or None without exactly one such axis.

    >>> numeric_axis({"attack.rate": [0.1, 0.2, 0.1, 0.3], "model": ["mlp", "cnn", "mlp", "cnn"]})
    'attack.rate'
    """
    numeric = [axis for axis, values in axes.items() if is_numeric(values)]
    return numeric[0] if len(numeric) == 1 else None


def is_numeric(values: Sequence[object]) -> bool:
    """Return whether the values of an axis are finite numbers, with at least three different ones."""
    return len(set(map(str, values))) >= 3 and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values
    )


def curves(figures: Sequence[Compared], axis: str, x: Sequence[float], others: Sequence[tuple[str, ...]]) -> Chart:
    """Return a chart of figures against the numeric axis of a grid, with a curve for each setting of the other axes.

    If there are two or more other axes, each value of the first has its own column of plots.

    Args:
        figures: the figures, one plot for each.
        axis: the name of the numeric axis.
        x: the value of the numeric axis in each cell.
        others: the values of the other axes in each cell.
    """
    split = int(bool(others) and len(others[0]) > 1)
    columns = list(dict.fromkeys(names[:split] for names in others)) or [()]
    lines = list(dict.fromkeys(names[split:] for names in others)) or [()]
    panels = []
    for figure in figures[: max(1, MOST_PANELS // len(columns))]:
        for name in columns:
            curve = [
                _curve(figure, x, [cell for cell, values in enumerate(others) if values == (*name, *line)], line)
                for line in lines
            ]
            title, y = ", ".join(name), _axis(figure)
            if all(np.isnan(each.y).all() for each in curve):
                title, y = f"{title}: does not apply".removeprefix(": "), replace(y, low=0.0)
            panels.append(Lines(title=title, x=Axis(label=axis), y=y, series=tuple(curve)))
    across = len(columns) if len(columns) > 1 else min(2, len(panels))
    return Panels(name="curves", charts=tuple(panels), across=max(1, across))


def dots(figures: Sequence[Compared], cells: Sequence[str]) -> Chart:
    """Return a chart of figures with one line for each cell, with victim and control."""
    panels = []
    for figure in figures[:MOST_PANELS]:
        pairs: list[tuple[Role, Sequence[Value]]] = [("control", figure.control), ("victim", figure.victim)]
        series = tuple(_bar_series(values, figure.unit, role) for role, values in pairs if values)
        panels.append(Bars(categories=tuple(cells), horizontal=True, value=_axis(figure), series=series))
    return Panels(name="cells", charts=tuple(panels), across=max(1, min(2, len(panels))), share_y=True)


def _bar_series(values: Sequence[Value], unit: Unit, role: Role) -> BarSeries:
    low, high = _ends(values, unit)
    return BarSeries(label=role, role=role, values=_scaled([each.mean for each in values], unit), low=low, high=high)


def _curve(figure: Compared, x: Sequence[float], cells: Sequence[int], names: tuple[str, ...]) -> Series:
    cells = sorted(cells, key=lambda cell: x[cell])
    values = [figure.victim[cell] for cell in cells]
    low, high = _ends(values, figure.unit)
    return Series(
        label=", ".join(names),
        x=column([x[cell] for cell in cells]),
        y=_scaled([each.mean for each in values], figure.unit),
        low=low,
        high=high,
        marks=True,
    )


def _ends(values: Sequence[Value], unit: Unit) -> tuple[Array | None, Array | None]:
    """Return the ends of the intervals, NaN where there is none; None and None if there are no intervals at all."""
    low, high = (_scaled(ends, unit) for ends in ([v.low for v in values], [v.high for v in values]))
    return (None, None) if np.isnan([low, high]).all() else (low, high)


def _scaled(values: Sequence[float | None], unit: Unit) -> Array:
    factor = SCALES.get(unit, (1.0, ""))[0]
    return column([math.nan if value is None else factor * value for value in values])


def _axis(figure: Compared) -> Axis:
    """Return the figure's axis. The axis of shares ends at 100 %."""
    label = figure.title + SCALES.get(figure.unit, (1.0, ""))[1]
    return Axis(label=label, high=100.9 if figure.unit in ("share", "yes_no") else None)
