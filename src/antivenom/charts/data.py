"""Charts as data: what is shown, in arrays and words. `antivenom.charts.drawing` draws each type in one place."""

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
    """What draws, imported by name: it loads matplotlib, and no result depends on it (decision 3)."""
    return import_module("antivenom.charts.drawing")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Chart:
    """What every chart says about itself.

    Arrays become float64 when a chart is made, and wrong shapes are refused with a `DataError`. `column` makes an array
    from a tensor or a list.

    Args:
        name: lower-case words joined by underscores, unique within what reports it.
        title: above the chart; empty for none.
        caption: below it, in a sentence or two.
        alt: the same for a reader who does not see it: what the chart shows, with the numbers that matter.
    """

    name: str = ""
    title: str = ""
    caption: str = ""
    alt: str = ""

    @property
    def description(self) -> str:
        """What the chart shows, in words; never empty."""
        return self.alt or self.caption or self.title or f"{type(self).__name__.lower()} {self.name}".strip()

    def to_matplotlib(self) -> "Picture":
        """The chart as a matplotlib figure, which notebooks show and which can be changed further."""
        return _drawing().to_matplotlib(self)  # type: ignore[no-any-return]

    def to_png(self) -> bytes:
        """The chart as a PNG: the same chart, the same bytes."""
        return _drawing().to_png(self)  # type: ignore[no-any-return]

    def to_svg(self) -> bytes:
        """The chart as an SVG: the same chart, the same bytes. Text stays text."""
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
    """Numbers along an axis, joined by lines.

    Args:
        x, y: the axes.
        series: the lines.
        ordered: whether the series have an order, such as layers, and are coloured from dark to bright.
        spans: stretches of the x axis that are shaded, [from, to] (n, 2), with one label.
        span_label: what the shaded stretches are.
        ticks: places on the x axis with a short mark at the bottom (n), with one label.
        tick_label: what the marks are.
        levels: heights at which a thin line crosses the chart (n).

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
    """A number for each category. Drawn as dots, so that the axis need not start at 0, or as bars.

    Args:
        categories: their names (n).
        series: the values.
        value: the axis of the values.
        category_label: what the categories are.
        style: `dots` or `bars`.
        horizontal: whether categories are listed from top to bottom, which suits long names.
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
                    f"Bars: each series needs a value for each of the {len(self.categories)} categories; "
                    f"{series.label or 'one'} has {len(series.values)}."
                )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Heatmap(Chart):
    """A matrix of numbers as colours.

    Args:
        values: (rows, columns); NaN is left blank.
        rows, columns: their names; empty for none.
        row_label, column_label: what they are.
        value_label: what the colours mean.
        low, high: the ends of the colour scale; those of the values where left out.
        diverging: whether the scale has two directions from its middle.
        percent: whether the numbers in the cells are shown in percent.
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
    """Points in the plane, over fields and lines of equal height where there are some.

    Args:
        groups: the points; a later group lies above an earlier one.
        x, y: the axes.
        fields: drawn below the points.
        arrows: from, to (n, 4): x, y, x, y; None for none.
        equal: whether both axes have one scale.
        bare: whether the axes have no numbers, as their directions mean nothing.
        legend: whether the groups are named.
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
    """How often values lie where, for one group or several, each in percent of its own size.

    Args:
        groups: the values.
        x: their axis.
        threshold: where a line is drawn; None, or not finite, for none.
        threshold_label: what the line is.
    """

    groups: tuple[Values, ...]
    x: Axis = PLAIN
    threshold: float | None = None
    threshold_label: str = "threshold"

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", finite(self.threshold))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Images(Chart):
    """Small pictures in rows.

    Args:
        rows: the pictures, row by row.
        row_labels: one a row; empty for none.
        column_labels: one a column of the longest row; empty for none.
        wraps: whether each row is a group of its own, such as an original beside its poisoned version, and groups may
            stand side by side on a page; otherwise rows stand below each other.
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
    """Text and numbers in rows.

    Args:
        columns: their names.
        rows: text, a cell for each column.
        numeric: which columns are numbers, and stand to the right; by position.
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
    """Several charts as one: side by side, or below each other.

    A legend, or a colour bar, that several charts share is drawn once.

    Args:
        charts: each with a title of its own; none of them panels.
        across: how many stand beside each other.
        share_y: whether all have one y axis.
    """

    charts: tuple[Chart, ...]
    across: int = 1
    share_y: bool = False

    def __post_init__(self) -> None:
        if any(isinstance(chart, Panels) for chart in self.charts):
            raise DataError("Panels cannot hold panels. Give all charts to one of them.")
        if self.across < 1:
            raise DataError(f"Panels.across must be at least 1; got {self.across}.")


CHARTS: tuple[type[Chart], ...] = (Lines, Bars, Heatmap, Scatter, Histogram, Images, Table, Panels)
"""Every type of chart."""
