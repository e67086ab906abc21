"""The drawing of `Lines`."""

from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from antivenom.charts._checks import Array
from antivenom.charts.data import Lines
from antivenom.charts.drawing.scales import scaled
from antivenom.charts.drawing.style import INK, MARKS, Canvas, Look, frame, looks, marked, plain, thinned
from antivenom.charts.parts import Series

MOST_SERIES, MOST_PLACES, MOST_SPANS, MOST_MARKS = 60, 4000, 100, 60


def size(chart: Lines, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    wide = max((5.2, 4.4, 3.4)[min(across, 3) - 1], min(0.42 * len(chart.x.categories) + 1.0, 9.0))
    return wide, 3.0 + (0.5 if chart.x.categories else 0.0)


def draw(chart: Lines, canvas: Canvas) -> None:
    """Draw the lines on a canvas."""
    axes, shown = canvas.axes, chart.series[:MOST_SERIES]
    if len(shown) < len(chart.series):
        canvas.notes.append(f"Only the first {MOST_SERIES} of {len(chart.series):,} lines are drawn.")
    frame(axes)
    for series, look in zip(shown, _looks(chart, shown), strict=True):
        _line(series, look, canvas)
    heights = [each for series in shown for each in (series.y, series.low, series.high) if each is not None]
    scaled(canvas, "x", chart.x, np.concatenate([series.x for series in shown] or [np.empty(0)]))
    scaled(canvas, "y", chart.y, np.concatenate(heights or [np.empty(0)]))
    for level in plain(chart.levels)[:MOST_SPANS] if chart.levels is not None else ():
        if not np.isnan(level):
            axes.axhline(level, color=INK, linewidth=0.8, linestyle=":")
    _along(chart, canvas)


def _looks(chart: Lines, shown: tuple[Series, ...]) -> list[Look]:
    """Return a look for each line, from dark to bright if the lines have an order."""
    if not chart.ordered:
        return looks([series.role for series in shown], [series.faint for series in shown])
    shades = colormaps["viridis"](np.linspace(0, 0.9, max(1, len(shown))))
    return [Look(to_hex(shade), MARKS[place % len(MARKS)], "-") for place, shade in enumerate(shades)]


def _line(series: Series, look: Look, canvas: Canvas) -> None:
    axes, y = canvas.axes, plain(series.y)
    every = _kept(plain(series.x), y)
    if len(every) < len(y):
        note = f"Of {len(y):,} points, only the highest and lowest of each interval are drawn."
        canvas.notes += [note] * (note not in canvas.notes)
    x, y = plain(series.x)[every], y[every]
    steps: dict[str, Any] = {"drawstyle": "steps-post"} if series.stepped else {}
    if series.faint:
        style: dict[str, Any] = {
            "color": look.colour,
            "linestyle": look.dash,
            "linewidth": 0.8,
            "alpha": 0.35,
            "zorder": 2,
        }
        axes.plot(x, y, **steps, **style)
    else:
        many = thinned(int((~np.isnan(y)).sum()), MOST_MARKS)
        marks = series.marks or int((~np.isnan(y)).sum()) == 1
        style = marked(look, 5.0, line=look.dash, mark=marks)
        axes.plot(x, y, markevery=many, zorder=3, **steps, **style)
    if not series.faint or series.label:
        canvas.name(Line2D([], [], **style), series.label)
    if series.low is not None and series.high is not None:
        low, high = plain(series.low)[every], plain(series.high)[every]
        step: Literal["post"] | None = "post" if series.stepped else None
        axes.fill_between(x, low, high, color=look.colour, alpha=0.15, linewidth=0, step=step)
        alone = _alone(low)
        axes.vlines(x[alone], low[alone], high[alone], color=look.colour, linewidth=1.2)


def _alone(low: Array) -> Array:
    """Return the positions of intervals without a neighbour, of which a band would show nothing."""
    known = np.pad(~np.isnan(low), 1)
    return np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])


def _kept(x: Array, y: Array) -> Array:
    """Return the indices of the points to draw: all, or the highest and the lowest point of each interval."""
    if len(y) <= MOST_PLACES:
        return np.arange(len(y))
    intervals = np.array_split(np.arange(len(y)), MOST_PLACES // 2)
    finite = [(places, np.nan_to_num(y[places])) for places in intervals]
    chosen = {int(places[pick(values)]) for places, values in finite for pick in (np.argmin, np.argmax)}
    return np.array(sorted(chosen | {0, len(x) - 1}))


def _along(chart: Lines, canvas: Canvas) -> None:
    """Draw shaded intervals, and short marks at the bottom."""
    axes = canvas.axes
    if chart.spans is not None:
        spans = plain(chart.spans)
        for place, (start, end) in enumerate(spans[~np.isnan(spans).any(1)][:MOST_SPANS]):
            shade = axes.axvspan(start, end, color=INK, alpha=0.15, linewidth=0)
            canvas.name(shade, "" if place else chart.span_label)
    if chart.ticks is not None and len(chart.ticks):
        places = plain(chart.ticks)
        places = places[:: thinned(len(places), MOST_PLACES)]
        drawn = axes.plot(
            places,
            np.zeros(len(places)),
            "|",
            color=INK,
            markersize=7,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
        )
        canvas.name(drawn[0], chart.tick_label)
