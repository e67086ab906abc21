"""The drawing of `Scatter`."""

from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from antivenom.charts._checks import Array
from antivenom.charts.data import Scatter
from antivenom.charts.drawing.scales import scaled
from antivenom.charts.drawing.style import (
    AFTER,
    BEFORE,
    BLUE,
    INK,
    RED,
    VERMILLION,
    Canvas,
    Look,
    frame,
    literal,
    looks,
    plain,
    thinned,
)
from antivenom.charts.parts import Field, Points

MOST_GROUPS, MOST_POINTS, MOST_FIELDS, MOST_ARROWS, MOST_SIDE = 40, 20_000, 8, 200, 500
COLOURS = {"ink": INK, "blue": BLUE, "red": RED}
SHAPES = {"circle": "o", "square": "s", "star": "*", "cross": "x", "plus": "+", "ring": "o"}
SIZES = {"*": 15.0, "x": 6.0, "+": 9.0}
STROKES = ("x", "+")
"""Marks that consist of lines and cannot be filled."""


def size(chart: Scatter, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    wide = (5.2, 4.3, 3.1)[min(across, 3) - 1]
    bar = 0.7 if any(field.label and field.levels is not None for field in chart.fields) else 0.0
    return wide + bar, 0.95 * wide if chart.equal or chart.bare else 0.8 * wide


def draw(chart: Scatter, canvas: Canvas) -> None:
    """Draw fields, points and arrows on a canvas."""
    axes, shown = canvas.axes, chart.groups[:MOST_GROUPS]
    if len(shown) < len(chart.groups):
        canvas.notes.append(f"Only the first {MOST_GROUPS} of {len(chart.groups):,} groups are drawn.")
    frame(axes)
    crowded = sum(len(group.xy) for group in shown) > 400
    for place, (group, look) in enumerate(zip(shown, looks([group.role for group in shown]), strict=True)):
        _points(chart, group, look, canvas, place, crowded)
    for field in chart.fields[:MOST_FIELDS]:
        _field(chart, field, canvas)
    for x, y, to_x, to_y in plain(chart.arrows)[:MOST_ARROWS] if chart.arrows is not None else ():
        if not np.isnan([x, y, to_x, to_y]).any():
            arrow = {"arrowstyle": "-|>", "color": VERMILLION, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=(to_x, to_y), xytext=(x, y), arrowprops=arrow, zorder=60)
    _axes(chart, canvas, np.concatenate([group.xy for group in shown] or [np.empty((0, 2))]))


def _axes(chart: Scatter, canvas: Canvas, points: Array) -> None:
    axes = canvas.axes
    scaled(canvas, "x", chart.x, points[:, 0])
    scaled(canvas, "y", chart.y, points[:, 1])
    if chart.fields:
        axes.grid(visible=False)
        axes.spines[:].set_visible(True)
    if chart.bare:
        axes.grid(visible=False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(visible=True, color="#BBBBBB")
    if chart.equal:
        axes.set_aspect("equal", adjustable="box")


def _points(chart: Scatter, group: Points, look: Look, canvas: Canvas, place: int, crowded: bool) -> None:
    points = plain(group.xy)
    every = thinned(len(points), MOST_POINTS)
    if every > 1:
        canvas.notes.append(
            f"{literal(group.label or 'A group', 40)}: only 1 in {every} of {len(points):,} points is drawn."
        )
    style = _style(group, look, crowded)
    canvas.axes.plot(*points[::every].T, zorder=10 + place, **style)
    if chart.legend:
        canvas.name(Line2D([], [], **{**style, "markersize": min(max(style["markersize"], 5.0), 9.0)}), group.label)


def _style(group: Points, look: Look, crowded: bool) -> dict[str, Any]:
    """Return a group's look as arguments of matplotlib."""
    colour = COLOURS.get(group.colour, look.colour)
    mark = SHAPES.get(group.mark, look.mark)
    scale = SIZES.get(mark, 13.0 if group.mark == "ring" else 5.5) * (0.6 if crowded and not group.mark else 1.0)
    hollow = look.fill == "none" or not group.filled
    face = "none" if group.mark == "ring" else "white" if hollow else colour
    edge = INK if group.outlined else "white" if mark == "*" and not hollow else colour
    width = 1.8 if group.mark in ("ring", "plus") else 2.5 if group.colour == "red" else 1.0
    return {
        "linestyle": "",
        "marker": mark,
        "markersize": scale * group.size,
        "color": colour,
        "markerfacecolor": face,
        "markeredgecolor": colour if mark in STROKES else edge,
        "markeredgewidth": width * min(group.size, 1.0),
    }


def _field(chart: Scatter, field: Field, canvas: Canvas) -> None:
    """Draw bands of colour and a contour line, or a note if the numbers do not allow it."""
    down, across = (thinned(len(each), MOST_SIDE) for each in (field.y, field.x))
    x, y, values = plain(field.x[::across]), plain(field.y[::down]), plain(field.values[::down, ::across])
    rising = all((np.diff(each) > 0).all() for each in (x, y))
    if min(values.shape) < 2 or not rising or np.isnan(values).all():
        canvas.notes.append("A field is not drawn, because it requires increasing coordinates and finite values.")
        return
    masked = np.ma.masked_invalid(values)
    if field.levels is not None and len(bands := np.unique(field.levels[np.isfinite(field.levels)])[:100]) > 1:
        drawn = canvas.axes.contourf(x, y, masked, bands, cmap="PuOr", alpha=0.85, zorder=1)
        if field.label:
            canvas.scale = (drawn, literal(field.label, 60))
    colour = BEFORE if field.shade == "before" else AFTER
    if field.contour is not None and masked.min() < field.contour < masked.max():
        canvas.axes.contour(x, y, masked, [field.contour], colors=[colour], linewidths=[2.0], zorder=30)
    if chart.legend:
        canvas.name(Line2D([], [], color=colour, linewidth=2), field.contour_label)
