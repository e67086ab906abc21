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
        FigureCanvasAgg(composed(chart)).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def to_svg(chart: Chart) -> bytes:
    """A chart as an SVG: the same chart, the same bytes; its text stays text."""
    buffer = BytesIO()
    with _own_settings(), rc_context({"svg.hashsalt": "antivenom", "svg.fonttype": "none"}):
        FigureCanvasSVG(composed(chart)).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


@contextmanager
def _own_settings() -> Iterator[None]:
    """Set matplotlib's own defaults while a chart is drawn; the reader's come back after it."""
    with _ONE_AT_A_TIME, matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        yield
