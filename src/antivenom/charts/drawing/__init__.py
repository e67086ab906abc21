"""Charts, drawn: each type in one file, all in one style. matplotlib is imported here and nowhere above."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import matplotlib.style
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from antivenom.charts.data import Chart
from antivenom.charts.drawing.compose import composed

__all__ = ["to_matplotlib", "to_png", "to_svg"]

PLACE_DIGITS = 6
_ONE_AT_A_TIME = threading.RLock()


def to_matplotlib(chart: Chart) -> Figure:
    """A chart as a matplotlib figure, whatever style the reader has set.

    >>> from antivenom.charts import Lines, Series, column
    >>> drawn = to_matplotlib(Lines(series=(Series(x=column([1, 2]), y=column([3, 4])),)))
    >>> drawn.axes[0].get_lines()[0].get_ydata().tolist()
    [3.0, 4.0]
    """
    with _own_settings():
        return composed(chart)


def to_png(chart: Chart) -> bytes:
    """A chart as a PNG: the same chart, the same bytes."""
    buffer = BytesIO()
    with _own_settings():
        FigureCanvasAgg(_laid_out(composed(chart))).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def to_svg(chart: Chart) -> bytes:
    """A chart as an SVG: the same chart, the same bytes; its text stays text."""
    buffer = BytesIO()
    with _own_settings(), rc_context({"svg.hashsalt": "antivenom", "svg.fonttype": "none"}):
        FigureCanvasSVG(_laid_out(composed(chart))).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _laid_out(figure: Figure) -> Figure:
    """The figure with its plots in their final places, rounded.

    The layout's solver depends on where its variables lie in memory, in the last digit of a position.
    """
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        original, active = (axes.get_position(original=each).bounds for each in (True, False))
        for bounds, which in ((original, "original"), (active, "active")):
            axes.set_position(tuple(round(value, PLACE_DIGITS) for value in bounds), which=which)  # type: ignore[arg-type]
    return figure


@contextmanager
def _own_settings() -> Iterator[None]:
    """Set matplotlib's own defaults while a chart is drawn; the reader's come back after it."""
    with _ONE_AT_A_TIME, matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield
