"""The drawing of `Histogram`."""

import math
from typing import Literal

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import ScalarFormatter

from antivenom.charts._checks import Array
from antivenom.charts.data import Histogram
from antivenom.charts.drawing.scales import scaled
from antivenom.charts.drawing.style import INK, TEXT_POINTS, Canvas, Look, frame, looks, plain

MOST_GROUPS, BINS = 12, 40
LINEAR_PERCENT = 2
"""The axis of the shares is linear up to here, and logarithmic above, so that both few and many values are seen."""


def size(chart: Histogram, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    return (5.2, 4.4, 3.4)[min(across, 3) - 1], 2.9 if chart.groups else 2.4


def draw(chart: Histogram, canvas: Canvas) -> None:
    """Draw the shares on a canvas."""
    axes, shown = canvas.axes, chart.groups[:MOST_GROUPS]
    if len(shown) < len(chart.groups):
        canvas.notes.append(f"Only the first {MOST_GROUPS} of {len(chart.groups):,} groups are drawn.")
    frame(axes)
    known = [plain(group.values) for group in shown]
    known = [values[~np.isnan(values)] for values in known]
    if lost := sum(len(group.values) for group in shown) - sum(map(len, known)):
        canvas.notes.append(f"{lost:,} value{'s are' if lost > 1 else ' is'} not finite and not drawn.")
    every = np.concatenate([*known, np.empty(0)])
    line = plain(np.array([np.nan if chart.threshold is None else chart.threshold]))
    edges = bin_edges(every, float(line[0]), logarithmic=chart.x.scale == "log")
    for group, values, look in zip(shown, known, looks([group.role for group in shown]), strict=True):
        heights = np.histogram(values, edges)[0] * (100 / max(1, len(values)))
        _steps(canvas, heights, edges, look, group.label)
    if not np.isnan(line[0]):
        axes.axvline(line[0], color=INK, linestyle=":")
        canvas.name(Line2D([], [], color=INK, linestyle=":"), chart.threshold_label)
    scaled(canvas, "x", chart.x, np.concatenate([every, line]))
    axes.set_yscale("symlog", linthresh=LINEAR_PERCENT)
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.set_ylim(0, min(axes.get_ylim()[1], 100.0))
    whole = "% of the group" if len(shown) > 1 else "% of the values"
    axes.set_ylabel(f"{whole}\n(linear to {LINEAR_PERCENT} %, then log)", fontsize=TEXT_POINTS)


def _steps(canvas: Canvas, heights: Array, edges: Array, look: Look, label: str) -> None:
    """Draw a group as an outline or as an area."""
    if look.outline:
        dash: Literal["-", ":"] = ":" if look.dash == ":" else "-"
        canvas.axes.stairs(heights, edges, color=look.colour, linewidth=1.6, linestyle=dash, zorder=3)
        canvas.name(Line2D([], [], color=look.colour, linewidth=1.6, linestyle=dash), label)
    else:
        canvas.axes.stairs(heights, edges, fill=True, color=look.colour, alpha=0.55)
        canvas.name(Patch(color=look.colour, alpha=0.55, linewidth=0), label)


def bin_edges(values: Array, threshold: float = math.nan, *, logarithmic: bool = False) -> Array:
    """Return the edges of about BINS bins. A threshold is an edge, and values equal to it are in the bin below it.

    >>> edges = bin_edges(np.array([0.0, 1.0]), threshold=0.0)
    >>> bool(edges[0] < 0 < edges[1] < 1e-300)
    True
    """
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    logarithmic = logarithmic and low > 0 and high > low
    if not logarithmic:
        high = max(high, low + max(1e-6, 1e-6 * abs(low)))
    scale, back = (np.log, np.exp) if logarithmic else (np.asarray, np.asarray)
    first, last = float(scale(low)), float(scale(high))
    if not low <= threshold < high:
        return np.asarray(back(np.linspace(first, last, BINS + 1)))
    step, middle = (last - first) / BINS, float(scale(threshold))
    below, above = math.floor((middle - first) / step) + 1, math.ceil((last - middle) / step)
    edges = np.asarray(back(middle + step * np.arange(-below, above + 1)))
    edges[below], edges[-1] = np.nextafter(threshold, np.inf), max(edges[-1], high)
    return edges
