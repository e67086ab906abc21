"""Axes of numbers and of names."""

from textwrap import wrap
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, ScalarFormatter

from antivenom.charts._checks import Array
from antivenom.charts.drawing.style import SMALL_POINTS, TEXT_POINTS, Canvas, literal, plain, thinned, width_of
from antivenom.charts.parts import Axis

Side = Literal["x", "y"]
MOST_LABELS = 60
LABEL_LETTERS = 28
TURNED_LETTERS = 18
Y_LABEL_LETTERS = 32


def scaled(canvas: Canvas, side: Side, axis: Axis, values: Array) -> None:
    """Set up an axis for the values."""
    axes = canvas.axes
    known = plain(values)
    known = known[~np.isnan(known)]
    _labelled(axes, side, axis.label)
    if axis.categories:
        names(axes, side, axis.categories)
        getattr(axes, f"set_{side}lim")(-0.5, len(axis.categories) - 0.5)
        return
    scale = axis.scale
    if scale == "log" and not (known > 0).any():
        scale = "linear"
        canvas.notes.append("The axis is linear instead of logarithmic, because no value is positive.")
    getattr(axes, f"set_{side}scale")(scale)
    if scale != "linear":
        _labelled(axes, side, f"{axis.label} (log scale)".strip())
    line = axes.xaxis if side == "x" else axes.yaxis
    if scale == "log":
        positive = known[known > 0]
        few = positive.max() / positive.min() < 1e3
        line.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        line.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        line.set_minor_formatter(FuncFormatter(lambda _value, _: ""))
    elif scale == "symlog":
        line.set_major_formatter(ScalarFormatter())
    else:
        line.set_major_locator(MaxNLocator(7 if side == "x" else 6, steps=[1, 2, 2.5, 5, 10], integer=axis.whole))
    _limits(axes, side, axis, known, scale)


def _labelled(axes: Axes, side: Side, label: str) -> None:
    """Write the label of an axis."""
    lines = "\n".join(wrap(label, Y_LABEL_LETTERS)) if side == "y" else label
    getattr(axes, f"set_{side}label")(literal(lines, 60, 3), fontsize=TEXT_POINTS)


def _limits(axes: Axes, side: Side, axis: Axis, known: Array, scale: str) -> None:
    """Set the ends of an axis: the requested ends, or the ends of the data with a small margin."""
    ends = [end if end is not None and (scale != "log" or end > 0) else None for end in (axis.low, axis.high)]
    low, high = (None if end is None or not np.abs(end) < 1e150 else end for end in ends)
    if low is not None and high is not None and low > high:
        low, high = high, low
    if low is None and high is None:
        return
    inside = known[known > 0] if scale == "log" else known
    first = low if low is not None else float(inside.min(initial=np.inf))
    last = high if high is not None else float(inside.max(initial=-np.inf))
    if not (np.isfinite(first) and np.isfinite(last)) or first >= last:
        first, last = (first, first + 1.0) if low is not None else (last - 1.0, last)
    if scale == "log":
        room = (last / first) ** 0.05 if first > 0 else 1.0
        first, last = (first if low is not None else first / room), (last if high is not None else last * room)
        first = first if first > 0 else last / 10
    else:
        room = 0.05 * (last - first)
        first, last = (first if low is not None else first - room), (last if high is not None else last + room)
    getattr(axes, f"set_{side}lim")(first, last)


def names(axes: Axes, side: Side, labels: tuple[str, ...], wide: float | None = None) -> None:
    """Write names at 0, 1, 2, … along an axis. Omit some if there are many; turn them if they are long.

    Args:
        axes: the plot.
        side: the axis.
        labels: the names.
        wide: the available width in inches, or None for the usual width.
    """
    every = thinned(len(labels), MOST_LABELS)
    places = np.arange(0, len(labels), every)
    if side == "y":
        axes.set_yticks(places, [literal(labels[place], LABEL_LETTERS) for place in places], fontsize=SMALL_POINTS)
        return
    shown = [literal(labels[place], TURNED_LETTERS) for place in places]
    room = (wide or 4.2) / max(1, len(shown))
    level = all(width_of(text, SMALL_POINTS) < 0.95 * room for text in shown)
    turned: dict[str, Any] = (
        {} if level else {"rotation": 45 if room > 0.16 else 90, "ha": "right", "rotation_mode": "anchor"}
    )
    axes.set_xticks(places, shown, fontsize=SMALL_POINTS, **turned)
