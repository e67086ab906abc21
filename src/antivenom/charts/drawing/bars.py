"""The drawing of `Bars`, as dots or as bars."""

from typing import Any

import numpy as np
from matplotlib.patches import Patch

from antivenom.charts._checks import Array
from antivenom.charts.data import Bars
from antivenom.charts.drawing.scales import LABEL_LETTERS, names, scaled
from antivenom.charts.drawing.style import (
    INK,
    SMALL_POINTS,
    TEXT_POINTS,
    Canvas,
    Look,
    frame,
    handle,
    literal,
    looks,
    marked,
    plain,
    width_of,
)
from antivenom.charts.parts import BarSeries

MOST_CATEGORIES, MOST_SERIES = 400, 12
DOT_DISTANCE = 0.26
"""The distance between the dots of one category, in widths of a category."""


def size(chart: Bars, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    count = min(len(chart.categories), MOST_CATEGORIES)
    if chart.horizontal:
        labels = max((width_of(name[:LABEL_LETTERS], SMALL_POINTS) for name in chart.categories), default=0.0)
        return (4.6, 3.9, 3.2)[min(across, 3) - 1] + labels, min(max(2.0, 0.27 * count + 0.9), 16.0)
    return min(max((5.2, 4.4, 3.4)[min(across, 3) - 1], 0.36 * count + 1.2), 16.0), 3.2


def draw(chart: Bars, canvas: Canvas) -> None:
    """Draw the values on a canvas."""
    axes = canvas.axes
    frame(axes)
    shown, count = chart.series[:MOST_SERIES], min(len(chart.categories), MOST_CATEGORIES)
    if len(shown) < len(chart.series):
        canvas.notes.append(f"Only the first {MOST_SERIES} of {len(chart.series):,} series are drawn.")
    if count < len(chart.categories):
        canvas.notes.append(f"Only the first {count} of {len(chart.categories):,} categories are drawn.")
    all_values = [
        np.empty(0),
        *(each[:count] for s in shown for each in (s.values, s.low, s.high, s.limits) if each is not None),
    ]
    values = np.concatenate([*all_values, np.zeros(int(chart.style == "bars" and chart.value.scale != "log"))])
    scaled(canvas, "x" if chart.horizontal else "y", chart.value, values)
    places = np.arange(count)
    width = (0.8 if chart.style == "bars" else DOT_DISTANCE * min(1.0, 3 / max(1, len(shown) - 1))) / max(1, len(shown))
    step = width if chart.style == "bars" else DOT_DISTANCE if len(shown) <= 3 else 0.75 / len(shown)
    for place, (series, look) in enumerate(zip(shown, looks([s.role for s in shown]), strict=True)):
        shift = step * (place - (len(shown) - 1) / 2)
        if chart.style == "bars":
            _bars(chart, series, look, canvas, places + shift, width)
        else:
            _dots(chart, series, look, canvas, places + shift)
    _missing(chart, canvas, count)
    _categories(chart, canvas, count)


def _dots(chart: Bars, series: BarSeries, look: Look, canvas: Canvas, places: Array) -> None:
    values = plain(series.values[: len(places)])
    _plot(chart, canvas, places, values, **marked(look))
    canvas.name(handle(**marked(look)), series.label)
    _intervals(chart, series, look.colour, canvas, places)
    _limits(chart, series, look, canvas, places)


def _bars(chart: Bars, series: BarSeries, look: Look, canvas: Canvas, places: Array, width: float) -> None:
    values = plain(series.values[: len(places)])
    style: dict[str, Any] = {"facecolor": look.colour, "edgecolor": "white", "hatch": look.hatch, "linewidth": 0}
    if chart.horizontal:
        canvas.axes.barh(places, values, 0.92 * width, **style)
    else:
        canvas.axes.bar(places, values, 0.92 * width, **style)
    canvas.name(Patch(**style), series.label)
    _intervals(chart, series, INK, canvas, places)
    _limits(chart, series, look, canvas, places)


def _intervals(chart: Bars, series: BarSeries, colour: str, canvas: Canvas, places: Array) -> None:
    if series.low is None or series.high is None:
        return
    low, high = (plain(each[: len(places)]) for each in (series.low, series.high))
    draw_lines = canvas.axes.hlines if chart.horizontal else canvas.axes.vlines
    draw_lines(places, low, high, color=colour, linewidth=1.2)


def _missing(chart: Bars, canvas: Canvas, count: int) -> None:
    """Write "no value" at every category for which no series has a value."""
    absent = [place for place in range(count) if all(np.isnan(series.values[place]) for series in chart.series)]
    style: dict[str, Any] = {"fontsize": SMALL_POINTS, "color": INK, "alpha": 0.7}
    axes = canvas.axes
    for place in absent:
        if chart.horizontal:
            axes.text(0.02, place, "no value", transform=axes.get_yaxis_transform(), va="center", **style)
        else:
            upright: dict[str, Any] = {"ha": "center", "va": "bottom", "rotation": 90}
            axes.text(place, 0.03, "no value", transform=axes.get_xaxis_transform(), **upright, **style)


def _limits(chart: Bars, series: BarSeries, look: Look, canvas: Canvas, places: Array) -> None:
    """Draw short lines at thresholds, and rings around marked values."""
    values = plain(series.values[: len(places)])
    if series.limits is not None:
        mark = "|" if chart.horizontal else "_"
        style = {"linestyle": "", "marker": mark, "markersize": 9, "markeredgewidth": 1.6, "color": look.colour}
        _plot(chart, canvas, places, plain(series.limits[: len(places)]), **style)
    if series.ringed is not None:
        ringed = series.ringed[: len(places)]
        ring = {"linestyle": "", "marker": "o", "markersize": 14, "markerfacecolor": "none", "color": INK}
        _plot(chart, canvas, places[ringed], values[ringed], **ring)


def _plot(chart: Bars, canvas: Canvas, places: Array, values: Array, **style: Any) -> None:
    across, up = (values, places) if chart.horizontal else (places, values)
    canvas.axes.plot(across, up, **style)


def _categories(chart: Bars, canvas: Canvas, count: int) -> None:
    axes, label = canvas.axes, literal(chart.category_label, 60)
    if chart.horizontal:
        names(axes, "y", chart.categories[:count])
        axes.set_ylim(max(count, 1) - 0.5, -0.5)
        axes.set_ylabel(label, fontsize=TEXT_POINTS)
    else:
        names(axes, "x", chart.categories[:count], size(chart, 1)[0] - 0.8)
        axes.set_xlim(-0.5, max(count, 1) - 0.5)
        axes.set_xlabel(label, fontsize=TEXT_POINTS)
