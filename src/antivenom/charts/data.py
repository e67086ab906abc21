"""Charts as data: arrays and text. `antivenom.charts.drawing` draws each type in one file."""

import base64
from dataclasses import dataclass
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from antivenom.charts._checks import Array, numbers, same_count
from antivenom.charts.figure import finite
from antivenom.charts.parts import PLAIN, Axis, BarSeries, Field, Points, Series, Tile, Values
from antivenom.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture


def _drawing() -> Any:
    """Return the drawing package, imported by name: it loads matplotlib, and no result depends on it (decision 3)."""
    return import_module("antivenom.charts.drawing")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Chart:
    """The fields that all charts have.

    A chart converts its arrays to float64 when it is created. `column` makes an array from a tensor or a list.

    Args:
        name: lower-case words joined by underscores, unique within the component that reports the chart.
        title: the text above the chart; empty for none.
        caption: the text below the chart, one or two sentences.
        alt: a description for readers who cannot see the chart, with the most important numbers.

    Raises:
        DataError: an array has the wrong shape, or does not contain numbers.
    """

    name: str = ""
    title: str = ""
    caption: str = ""
    alt: str = ""

    @property
    def description(self) -> str:
        """Return a description of the chart in words; it is never empty."""
        return self.alt or self.caption or self.title or f"{type(self).__name__.lower()} {self.name}".strip()

    def to_matplotlib(self) -> "Picture":
        """Return the chart as a matplotlib figure, for notebooks and for your own changes."""
        return _drawing().to_matplotlib(self)  # type: ignore[no-any-return]

    def to_png(self) -> bytes:
        """Return the chart as the bytes of a PNG file. The same chart always returns the same bytes."""
        return _drawing().to_png(self)  # type: ignore[no-any-return]

    def to_svg(self) -> bytes:
        """Return the chart as the bytes of an SVG file, with text as text. The same chart returns the same bytes."""
        return _drawing().to_svg(self)  # type: ignore[no-any-return]

    def _repr_png_(self) -> bytes:
        return self.to_png()

    def _repr_html_(self) -> str:
        png = base64.b64encode(self.to_png()).decode()
        image = f'<img src="data:image/png;base64,{png}" alt="{escape(self.description)}" style="max-width: 100%">'
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f"<figure>{image}{caption}</figure>"

    def __repr__(self) -> str:
        words = self.caption or self.title or self.alt
        return f"{type(self).__name__}({': '.join(filter(None, (self.name or 'unnamed', words)))})"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Lines(Chart):
    """Lines: numbers along an axis.

    Args:
        x: the horizontal axis.
        y: the vertical axis.
        series: the lines.
        ordered: colour the lines from dark to bright, because they have an order, such as layers.
        spans: shaded intervals of the x axis, each [start, end] (n, 2).
        span_label: the label of the shaded intervals in the legend.
        ticks: positions on the x axis with a short mark at the bottom (n).
        tick_label: the label of the marks in the legend.
        levels: heights of thin horizontal lines (n).

    >>> from antivenom.charts import column
    >>> victim = Series(x=column([1, 2]), y=column([0.9, 0.4]), role="victim")
    >>> Lines(name="loss", caption="Loss by epoch.", series=(victim,))
    Lines(loss: Loss by epoch.)
    """

    x: Axis = PLAIN
    y: Axis = PLAIN
    series: tuple[Series, ...]
    ordered: bool = False
    spans: Array | None = None
    span_label: str = ""
    ticks: Array | None = None
    tick_label: str = ""
    levels: Array | None = None

    def __post_init__(self) -> None:
        for name, shape in (("spans", (None, 2)), ("ticks", (None,)), ("levels", (None,))):
            if vars(self)[name] is not None:
                object.__setattr__(self, name, numbers(vars(self)[name], f"Lines.{name}", shape))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Bars(Chart):
    """A number for each category, drawn as dots or as bars. The axis of dots does not have to start at 0.

    Args:
        categories: the names of the categories (n).
        series: the values.
        value: the axis of the values.
        category_label: the label of the axis of the categories.
        style: `dots` or `bars`.
        horizontal: list the categories from top to bottom, which leaves space for long names.
    """

    categories: tuple[str, ...]
    series: tuple[BarSeries, ...]
    value: Axis = PLAIN
    category_label: str = ""
    style: Literal["dots", "bars"] = "dots"
    horizontal: bool = False

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.categories):
                raise DataError(
                    f"Bars: each series must have {len(self.categories)} values, one for each category; "
                    f"got {len(series.values)} for {series.label or 'a series without a label'}."
                )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Heatmap(Chart):
    """A matrix of numbers, drawn as colours.

    Args:
        values: the numbers (rows, columns). NaN is drawn as an empty cell.
        rows: the names of the rows; empty for none.
        columns: the names of the columns; empty for none.
        row_label: the label of the axis of the rows.
        column_label: the label of the axis of the columns.
        value_label: the label of the colour bar.
        low: the lower end of the colour scale; the smallest value if omitted.
        high: the upper end of the colour scale; the largest value if omitted.
        diverging: use a colour scale with two directions from its middle.
        percent: show the numbers in the cells in percent.
    """

    values: Array
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    row_label: str = ""
    column_label: str = ""
    value_label: str = ""
    low: float | None = None
    high: float | None = None
    diverging: bool = False
    percent: bool = True

    def __post_init__(self) -> None:
        values = numbers(self.values, "Heatmap.values", (None, None))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "low", finite(self.low))
        object.__setattr__(self, "high", finite(self.high))
        same_count(self.rows, values.shape[0], "Heatmap.rows", "rows")
        same_count(self.columns, values.shape[1], "Heatmap.columns", "columns")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scatter(Chart):
    """Points in the plane, optionally above fields of colours and contour lines.

    Args:
        groups: the points. A later group is drawn above an earlier one.
        x: the horizontal axis.
        y: the vertical axis.
        fields: the fields, drawn below the points.
        arrows: arrows, each as x and y of its start and x and y of its tip (n, 4), or None.
        equal: use the same scale for both axes.
        bare: draw the axes without numbers, because they have no meaning.
        legend: show the names of the groups.
    """

    groups: tuple[Points, ...]
    x: Axis = PLAIN
    y: Axis = PLAIN
    fields: tuple[Field, ...] = ()
    arrows: Array | None = None
    equal: bool = False
    bare: bool = False
    legend: bool = True

    def __post_init__(self) -> None:
        if self.arrows is not None:
            object.__setattr__(self, "arrows", numbers(self.arrows, "Scatter.arrows", (None, 4)))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Histogram(Chart):
    """A histogram of one or several groups of values, each in percent of the group's size.

    Args:
        groups: the values.
        x: the axis of the values.
        threshold: the position of a vertical line; None, or a number that is not finite, for no line.
        threshold_label: the label of the line in the legend.
    """

    groups: tuple[Values, ...]
    x: Axis = PLAIN
    threshold: float | None = None
    threshold_label: str = "threshold"

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", finite(self.threshold))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Images(Chart):
    """Small images in rows.

    Args:
        rows: the images, row by row.
        row_labels: one label for each row; empty for none.
        column_labels: one label for each column of the longest row; empty for none.
        wraps: allow several rows side by side. Each row is then a separate group, such as an original and its poisoned
            version. Otherwise each row starts on a new line.
    """

    rows: tuple[tuple[Tile, ...], ...]
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    wraps: bool = False

    def __post_init__(self) -> None:
        same_count(self.row_labels, len(self.rows), "Images.row_labels", "rows")
        longest = max(map(len, self.rows), default=0)
        same_count(self.column_labels, longest, "Images.column_labels", "columns")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Table(Chart):
    """A table of text and numbers.

    Args:
        columns: the names of the columns.
        rows: the cells of each row as text, one for each column.
        numeric: the indices of the columns with numbers, which are aligned to the right.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise DataError(f"Table: row {number} must have {len(self.columns)} cells; got {len(row)}.")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Panels(Chart):
    """Several charts in one figure. If they have the same legend or colour bar, it is drawn once.

    Args:
        charts: the charts, with their own titles. They must not be panels.
        across: the number of charts in one line, at least 1.
        share_y: use the same vertical axis for all charts.
    """

    charts: tuple[Chart, ...]
    across: int = 1
    share_y: bool = False

    def __post_init__(self) -> None:
        if any(isinstance(chart, Panels) for chart in self.charts):
            raise DataError("Panels.charts must not contain Panels; got at least one. Put all charts into one Panels.")
        if self.across < 1:
            raise DataError(f"Panels.across must be at least 1; got {self.across}.")


CHARTS: tuple[type[Chart], ...] = (Lines, Bars, Heatmap, Scatter, Histogram, Images, Table, Panels)
"""All types of charts."""
