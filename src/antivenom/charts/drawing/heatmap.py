"""The drawing of `Heatmap`."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap

from antivenom.charts._checks import Array
from antivenom.charts.data import Heatmap
from antivenom.charts.drawing.scales import TURNED_LETTERS, names
from antivenom.charts.drawing.style import SMALL_POINTS, TEXT_POINTS, Canvas, literal, plain, thinned, width_of

MOST_SIDE = 500
MOST_NUMBERED = 20
"""The largest number of rows or columns with numbers in the cells."""


def size(chart: Heatmap, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    rows, columns = (min(max(side, 1), 24) for side in chart.values.shape)
    most = (6.0, 3.6, 3.0)[min(across, 3) - 1]
    cell = min(0.42, most / max(rows, columns, 6))
    labels = max((width_of(name[:TURNED_LETTERS], SMALL_POINTS) for name in (*chart.rows, *chart.columns)), default=0.2)
    return max(cell * columns + 1.0 + labels, 2.6), max(cell * rows + 0.8 + labels, 2.0)


def draw(chart: Heatmap, canvas: Canvas) -> None:
    """Draw the matrix on a canvas."""
    axes = canvas.axes
    steps = [thinned(side, MOST_SIDE) for side in chart.values.shape]
    values = plain(chart.values[:: steps[0], :: steps[1]])
    if max(steps) > 1:
        shape = " × ".join(f"{side:,}" for side in chart.values.shape)
        canvas.notes.append(f"Of {shape} cells, only 1 in {steps[0]} rows and 1 in {steps[1]} columns are drawn.")
    low, high = _ends(chart, values)
    colours = colormaps["PuOr" if chart.diverging else "cividis"].with_extremes(bad="#EEEEEE")
    if values.size:
        drawn = axes.imshow(values, vmin=low, vmax=high, cmap=colours, interpolation="nearest", aspect="equal")
        canvas.scale = (drawn, literal(chart.value_label, 60))
        if max(values.shape) <= MOST_NUMBERED:
            _numbers(chart, canvas, values, colours, low, high)
    axes.set_xlabel(literal(chart.column_label, 60), fontsize=TEXT_POINTS)
    axes.set_ylabel(literal(chart.row_label, 60), fontsize=TEXT_POINTS)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    names(axes, "x", chart.columns[:: steps[1]], size(chart, 1)[0] - 1.4)
    names(axes, "y", chart.rows[:: steps[0]])


def _ends(chart: Heatmap, values: Array) -> tuple[float, float]:
    """Return the ends of the colour scale, the lower one first."""
    known = values[~np.isnan(values)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if chart.diverging and chart.low is None and chart.high is None:
        most = max(abs(least), abs(most))
        least = -most
    low, high = least if chart.low is None else chart.low, most if chart.high is None else chart.high
    return (low, high) if low < high else (low, low + 1.0)


def _numbers(chart: Heatmap, canvas: Canvas, values: Array, colours: Colormap, low: float, high: float) -> None:
    """Write the numbers into the cells, in black or white. In percent, numbers that round to 0 are omitted."""
    for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
        value = values[row, column]
        if chart.percent and abs(value) < 0.005:
            continue
        red, green, blue, _ = colours((value - low) / (high - low))
        ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
        text = f"{100 * value:.0f}" if chart.percent else f"{value:.3g}"
        artist = canvas.axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)
        artist.set_in_layout(False)  # it is inside the plot, and measuring every number would be slow
