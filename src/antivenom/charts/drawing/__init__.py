"""The drawing of charts: one file for each type, one style for all. Only this package imports matplotlib."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

from antivenom.charts.drawing import _loading as _loading  # the first, before anything imports matplotlib

# isort: split
import matplotlib.style
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from antivenom.charts.data import Chart
from antivenom.charts.drawing.compose import composed

__all__ = ["to_matplotlib", "to_png", "to_svg"]

POSITION_DIGITS = 6
_LOCK = threading.RLock()


def to_matplotlib(chart: Chart) -> Figure:
    """Return a chart as a matplotlib figure. Your own matplotlib settings do not change it.

    >>> from antivenom.charts import Lines, Series, column
    >>> figure = to_matplotlib(Lines(series=(Series(x=column([1, 2]), y=column([3, 4])),)))
    >>> figure.axes[0].get_lines()[0].get_ydata().tolist()
    [3.0, 4.0]
    """
    with _own_settings():
        return composed(chart)


def to_png(chart: Chart) -> bytes:
    """Return a chart as the bytes of a PNG file. The same chart always returns the same bytes."""
    buffer = BytesIO()
    with _own_settings():
        FigureCanvasAgg(_laid_out(composed(chart))).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def to_svg(chart: Chart) -> bytes:
    """Return a chart as the bytes of an SVG file, with text as text. The same chart always returns the same bytes."""
    buffer = BytesIO()
    with _own_settings(), rc_context({"svg.hashsalt": "antivenom", "svg.fonttype": "none"}):
        FigureCanvasSVG(_laid_out(composed(chart))).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _laid_out(figure: Figure) -> Figure:
    """Return the figure with its plots at their final positions, rounded.

    The last digits of the positions that the layout solver computes depend on memory addresses.
    """
    FigureCanvasAgg(figure)
    if engine := figure.get_layout_engine():
        with suppress(ValueError):  # there is no room for the plots
            engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        original, active = (axes.get_position(original=each).bounds for each in (True, False))
        for bounds, which in ((original, "original"), (active, "active")):
            axes.set_position(tuple(round(value, POSITION_DIGITS) for value in bounds), which=which)  # type: ignore[arg-type]
    return figure


@contextmanager
def _own_settings() -> Iterator[None]:
    """Use the default settings of matplotlib while a chart is drawn, and restore your settings afterwards."""
    with _LOCK, matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield
