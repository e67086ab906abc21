"""The composition of a figure from one chart, or from several as panels."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend

from antivenom.charts.data import Bars, Chart, Heatmap, Histogram, Images, Lines, Panels, Scatter, Table
from antivenom.charts.drawing import bars, heatmap, histogram, images, lines, scatter, table
from antivenom.charts.drawing.style import MOST_NAMED, SMALL_POINTS, SOFT, Canvas, handle, literal, width_of
from antivenom.errors import DataError

Drawer = tuple[Callable[[Any, int], tuple[float, float]], Callable[[Any, Canvas], None]]
DRAWERS: dict[type[Chart], Drawer] = {
    Lines: (lines.size, lines.draw),
    Bars: (bars.size, bars.draw),
    Heatmap: (heatmap.size, heatmap.draw),
    Scatter: (scatter.size, scatter.draw),
    Histogram: (histogram.size, histogram.draw),
    Images: (images.size, images.draw),
    Table: (table.size, table.draw),
}
"""The functions that measure and draw each type of chart."""

DPI = 110
MOST_PANELS, MOST_ACROSS = 36, 8
LINE_INCHES = 0.19
ROW_POINTS = 11.8
"""The height of a row of a legend."""


def composed(chart: Chart) -> Figure:
    """Draw a chart as a figure.

    Raises:
        DataError: the type of the chart is unknown.
    """
    parts = chart.charts[:MOST_PANELS] if isinstance(chart, Panels) else (chart,)
    across = max(1, min(chart.across, MOST_ACROSS, len(parts))) if isinstance(chart, Panels) else 1
    down = max(1, -(-len(parts) // across))
    sizes = [_drawer(part)[0](part, across) for part in parts] or [(3.0, 1.0)]
    wide = [max(size[0] for size in sizes[place::across]) for place in range(across)]
    high = [max(size[1] for size in sizes[line * across : (line + 1) * across]) for line in range(down)]
    figure = Figure(dpi=DPI, layout="constrained")
    plots = figure.subplots(down, across, squeeze=False, width_ratios=wide, height_ratios=high)
    canvases = [Canvas(axes) for axes in plots.flat]
    for part, canvas in zip(parts, canvases, strict=False):
        if isinstance(chart, Panels) and chart.share_y and canvas is not canvases[0]:
            canvas.axes.sharey(canvases[0].axes)
        _drawer(part)[1](part, canvas)
    for canvas in canvases[len(parts) :]:
        canvas.axes.set_axis_off()
    drawn = canvases[: len(parts)]
    legend, extra = _shared_legend(figure, drawn, sum(wide) - 0.6)
    extra += sum(_titled(parts, canvases, wide, across, line) for line in range(down))
    figure.set_size_inches(sum(wide) + _colour_bars(figure, drawn), sum(high) + extra)
    if isinstance(chart, Panels):
        _share(chart, figure, drawn, across, legend)
    _notes(chart, figure, canvases)
    return figure


def _drawer(chart: Chart) -> Drawer:
    drawer = DRAWERS.get(type(chart))
    if drawer is None:
        known = ", ".join(sorted(kind.__name__ for kind in (*DRAWERS, Panels)))
        raise DataError(f"A chart must be one of {known}; got {type(chart).__name__}.")
    return drawer


def _titled(parts: tuple[Chart, ...], canvases: list[Canvas], wide: list[float], across: int, line: int) -> float:
    """Draw the titles of one line of plots, each above its plot or legend. Return their height in inches."""
    heights = [0.0]
    for place in range(line * across, min((line + 1) * across, len(parts))):
        canvas, title = canvases[place], literal(parts[place].title, 120, 3)
        rows = _legend(canvas.axes, canvas.entries, wide[place % across] - 0.6)
        if title:
            canvas.axes.set_title(title, loc="left", fontsize=10, pad=6 + rows * ROW_POINTS)
        heights.append(rows + (title.count("\n") + 1 if title else 0))
    return LINE_INCHES * max(heights)


def _shared_legend(figure: Figure, canvases: list[Canvas], room: float) -> tuple[Legend | None, float]:
    """Draw one legend above all plots if they have the same entries. Return the legend, and its height in inches."""
    named = [canvas for canvas in canvases if canvas.entries]
    if len(canvases) < 2 or not named or any(_labels(canvas) != _labels(named[0]) for canvas in named):
        return None, 0.0
    entries = named[0].entries
    for canvas in named:
        canvas.entries = []
    rows = _legend(figure, entries, room)
    return figure.legends[0], LINE_INCHES * rows


def _labels(canvas: Canvas) -> list[str]:
    return [label for _, label in canvas.entries]


def _legend(above: Axes | Figure, items: list[tuple[Artist, str]], room: float) -> int:
    """Draw a legend above a plot or above all plots, so that it covers nothing. Return its number of lines."""
    entries = items[:MOST_NAMED]
    if len(items) > MOST_NAMED:
        entries = [*entries, (handle(linestyle=""), f"and {len(items) - MOST_NAMED} more")]
    if not entries:
        return 0
    widest = max(width_of(label, SMALL_POINTS) for _, label in entries) + 0.45
    columns = max(1, min(len(entries), int(room / widest)))
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0)}
    above.legend(
        [artist for artist, _ in entries],
        [label for _, label in entries],
        **({"loc": "outside upper left"} if isinstance(above, Figure) else place),
        ncols=columns,
        frameon=False,
        fontsize=SMALL_POINTS,
        borderaxespad=0.5 if isinstance(above, Figure) else 0.15,
        borderpad=0.1,
        handlelength=2.2,
        columnspacing=1.4,
        labelspacing=0.25,
    )
    return -(-len(entries) // columns)


def _colour_bars(figure: Figure, canvases: list[Canvas]) -> float:
    """Draw one colour bar for all plots with the same colours, or one for each. Return their width in inches."""
    scales = [(canvas, *canvas.scale) for canvas in canvases if canvas.scale is not None]
    alike = all(
        one[2] == other[2] and one[1].get_clim() == other[1].get_clim() and one[1].get_cmap() == other[1].get_cmap()
        for one, other in pairwise(scales)
    )
    if not scales:
        return 0.0
    if alike:
        scales = [(canvases[0], *scales[0][1:])]
    for canvas, mappable, label in scales:
        plots = [each.axes for each in canvases] if alike else [canvas.axes]
        bar = figure.colorbar(mappable, ax=plots, shrink=0.8, aspect=24)
        bar.set_label(label, fontsize=SMALL_POINTS)
        bar.ax.tick_params(labelsize=SMALL_POINTS)
        bar.outline.set_visible(False)
    return 0.7


def _share(chart: Panels, figure: Figure, canvases: list[Canvas], across: int, legend: Legend | None) -> None:
    """Draw the title of panels above their shared legend, and the numbers of a shared y axis only at the left."""
    if chart.title:
        title = literal(chart.title, 120, 2)
        if legend is None:
            figure.suptitle(title, fontsize=11, x=0.01, ha="left")
        else:
            legend.set_title(title, prop=FontProperties(size=11))
            legend.set_alignment("left")
        figure.set_figheight(figure.get_figheight() + 1.5 * LINE_INCHES)
    for place, canvas in enumerate(canvases):
        if chart.share_y and place % across:
            canvas.axes.tick_params(labelleft=False)
            same = canvas.axes.get_ylabel() == canvases[place - place % across].axes.get_ylabel()
            canvas.axes.set_ylabel("" if same else canvas.axes.get_ylabel())


def _notes(chart: Chart, figure: Figure, canvases: list[Canvas]) -> None:
    """Write notes about omitted parts below the charts."""
    notes = list(dict.fromkeys(note for canvas in canvases for note in canvas.notes))
    if isinstance(chart, Panels) and len(chart.charts) > MOST_PANELS:
        notes.append(f"Only the first {MOST_PANELS} of {len(chart.charts):,} charts are drawn.")
    if notes:
        text = "\n".join(literal(note, 120) for note in notes[:6])
        figure.supxlabel(text, fontsize=7, color=SOFT, x=0.01, ha="left")
        figure.set_figheight(figure.get_figheight() + LINE_INCHES * len(notes[:6]))
