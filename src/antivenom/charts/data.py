"""Charts as data: what is shown, in arrays and words. `antivenom.charts.drawing` draws each type in one place."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

Array = NDArray[Any]

Role = Literal["", "victim", "control", "clean", "poison", "neutral"]
"""Who a series is about. A role has the same colour, mark and dash in every chart; without one, series take turns."""

Scale = Literal["linear", "log", "symlog"]


def _drawing() -> Any:
    """What draws, imported by name: it loads matplotlib, and no result depends on it (decision 3)."""
    return import_module("antivenom.charts.drawing")


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """What every chart says about itself.

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

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name or 'unnamed'}: {self.caption or self.title or self.alt})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """An axis of numbers.

    Args:
        label: what it measures, with its unit.
        scale: `symlog` is logarithmic but for a linear part around 0.
        low, high: where it begins and ends; None for what the data needs.
        whole: whether only whole numbers are marked.
        categories: names instead of numbers, for the positions 0, 1, 2, …
    """

    label: str = ""
    scale: Scale = "linear"
    low: float | None = None
    high: float | None = None
    whole: bool = False
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One line or one set of bars: a number at each place.

    Args:
        label: in the legend; empty for none.
        x: places (n); for bars, positions of categories.
        y: values (n); NaN where there is none.
        low, high: the ends of an interval around each value (n); None for none.
        role: whom it is about.
        marks: whether each place has a mark; the line alone otherwise.
        faint: thin and pale, such as one repeat among several.
        stepped: whether the value holds until the next place.
    """

    label: str = ""
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    role: Role = ""
    marks: bool = False
    faint: bool = False
    stepped: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines(Chart):
    """Numbers along an axis, joined by lines.

    Args:
        x, y: the axes.
        series: the lines.
        spans: stretches of the x axis that are shaded, [from, to] (n, 2), with one label.
        span_label: what the shaded stretches are.
        ticks: places on the x axis with a short mark at the bottom (n), with one label.
        tick_label: what the marks are.
        levels: heights at which a thin line crosses the chart (n).
    """

    x: Axis = Axis()
    y: Axis = Axis()
    series: tuple[Series, ...]
    spans: Array | None = None
    span_label: str = ""
    ticks: Array | None = None
    tick_label: str = ""
    levels: Array | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class BarSeries:
    """One value for each category.

    Args:
        label: in the legend.
        values: (n); NaN where there is none.
        role: whom it is about.
        limits: a short line at each category, such as a threshold (n); None for none.
        ringed: which values are marked by a ring, such as flagged classes (n); None for none.
    """

    label: str = ""
    values: Array
    role: Role = ""
    limits: Array | None = None
    ringed: Array | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
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
    value: Axis = Axis()
    category_label: str = ""
    style: Literal["dots", "bars"] = "dots"
    horizontal: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """A group of points in the plane.

    Args:
        label: in the legend; empty for none.
        xy: (n, 2).
        role: whom they are about.
        mark: their shape; by turns where left out.
        filled: whether a mark is filled or only outlined.
        size: in relation to the usual size.
        outlined: whether a mark has a dark edge.
        colour: one of `ink`, `blue`, `red`; the role's, or by turns, where left out.
    """

    label: str = ""
    xy: Array
    role: Role = ""
    mark: Literal["", "circle", "square", "star", "cross", "plus", "ring"] = ""
    filled: bool = True
    size: float = 1.0
    outlined: bool = False
    colour: Literal["", "ink", "blue", "red"] = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """A number at every point of a grid in the plane.

    Args:
        x, y: the grid's coordinates (columns), (rows).
        values: (rows, columns).
        levels: where the bands of colour begin and end; None for no colours.
        contour: the height at which a line is drawn; None for no line.
        shade: the line's: `before` is grey, `after` is black.
        label: what the colours mean, beside a colour bar; empty for no bar.
    """

    x: Array
    y: Array
    values: Array
    levels: Array | None = None
    contour: float | None = None
    shade: Literal["before", "after"] = "after"
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scatter(Chart):
    """Points in the plane, over fields and lines of equal height where there are some.

    Args:
        groups: the points.
        x, y: the axes.
        fields: drawn below the points.
        arrows: from, to (n, 4): x, y, x, y; None for none.
        equal: whether both axes have one scale.
        bare: whether the axes have no numbers, as their directions mean nothing.
        legend: whether the groups are named.
    """

    groups: tuple[Points, ...]
    x: Axis = Axis()
    y: Axis = Axis()
    fields: tuple[Field, ...] = ()
    arrows: Array | None = None
    equal: bool = False
    bare: bool = False
    legend: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Values:
    """The values that a histogram counts.

    Args:
        label: in the legend.
        values: (n).
        role: whom they are about.
    """

    label: str = ""
    values: Array
    role: Role = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Histogram(Chart):
    """How often values lie where, for one group or several, each in percent of its own size.

    Args:
        groups: the values.
        x: their axis.
        threshold: where a line is drawn; None, or not finite, for none.
        threshold_label: what the line is.
    """

    groups: tuple[Values, ...]
    x: Axis = Axis()
    threshold: float | None = None
    threshold_label: str = "threshold"


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """One small picture.

    Args:
        pixels: (channels, height, width), uint8 or in [0, 1]; one channel where `colours` is not `pixels`.
        lines: what is written below it, a line each.
        alt: what it shows.
        colours: `pixels` are shown as they are; `heat` from 0 up; `diverging` around 0. `low` and `high` are the ends.
        low, high: of the scale, where colours are not the pixels' own.
    """

    pixels: Array
    lines: tuple[str, ...] = ()
    alt: str = ""
    colours: Literal["pixels", "heat", "diverging"] = "pixels"
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Images(Chart):
    """Small pictures in rows.

    Args:
        rows: the pictures, row by row.
        row_labels: one a row; empty for none.
        column_labels: one a column; empty for none.
        wraps: whether the rows belong together as groups, such as an original beside its poisoned version, and may
            stand side by side on a page; otherwise rows stand below each other.
    """

    rows: tuple[tuple[Tile, ...], ...]
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    wraps: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Panels(Chart):
    """Several charts as one: side by side, or below each other.

    Args:
        charts: each with a title of its own.
        across: how many stand beside each other.
        share_y: whether all have one y axis.
    """

    charts: tuple[Chart, ...]
    across: int = 1
    share_y: bool = False


def column(values: object) -> Array:
    """Numbers as an array of float64, from a tensor, an array or a list."""
    detach = getattr(values, "detach", None)
    return np.asarray(detach().cpu().numpy() if callable(detach) else values, dtype=np.float64)
