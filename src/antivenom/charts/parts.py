"""The parts of charts: axes, series of numbers, groups of points, small pictures."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from antivenom.charts._checks import Array, numbers, pixels
from antivenom.charts.figure import finite

Role = Literal["", "victim", "control", "clean", "poison", "neutral"]
"""Who a series is about. A role has the same colour, mark and dash in every chart; without one, series take turns."""

Scale = Literal["linear", "log", "symlog"]


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", finite(self.low))
        object.__setattr__(self, "high", finite(self.high))


PLAIN = Axis()
"""An axis without a name, as long as the data needs."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Part:
    """A part of a chart that has a name in the legend.

    Args:
        label: in the legend; empty for none.
    """

    label: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label})"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Series(Part):
    """One line: a number at each place.

    Of two series of one role in a chart, the second has hollow marks.

    Args:
        label: in the legend; empty for none.
        x: places (n).
        y: values (n); NaN where there is none.
        low, high: the ends of an interval around each value (n); None for none.
        role: whom it is about.
        marks: whether each place has a mark; the line alone otherwise.
        faint: thin and pale, such as one repeat among several.
        stepped: whether the value holds until the next place.
    """

    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    role: Role = ""
    marks: bool = False
    faint: bool = False
    stepped: bool = False

    def __post_init__(self) -> None:
        x = numbers(self.x, "Series.x", (None,))
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", numbers(self.y, "Series.y", x.shape))
        if self.low is not None:
            object.__setattr__(self, "low", numbers(self.low, "Series.low", x.shape))
        if self.high is not None:
            object.__setattr__(self, "high", numbers(self.high, "Series.high", x.shape))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BarSeries(Part):
    """One value for each category.

    Args:
        label: in the legend.
        values: (n); NaN where there is none.
        role: whom it is about.
        limits: a short line at each category, such as a threshold (n); None for none.
        ringed: which values are marked by a ring, such as flagged classes (n); None for none.
    """

    values: Array
    role: Role = ""
    limits: Array | None = None
    ringed: Array | None = None

    def __post_init__(self) -> None:
        values = numbers(self.values, "BarSeries.values", (None,))
        object.__setattr__(self, "values", values)
        if self.limits is not None:
            object.__setattr__(self, "limits", numbers(self.limits, "BarSeries.limits", values.shape))
        if self.ringed is not None:
            ringed = numbers(self.ringed, "BarSeries.ringed", values.shape)
            object.__setattr__(self, "ringed", ringed.astype(bool))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Points(Part):
    """A group of points in the plane.

    Args:
        label: in the legend; empty for none.
        xy: (n, 2).
        role: whom they are about.
        mark: their shape; by turns where left out.
        filled: whether a mark is filled or only outlined; one that is outlined has a white inside.
        size: in relation to the usual size.
        outlined: whether a mark has a dark edge.
        colour: one of `ink`, `blue`, `red`; the role's, or by turns, where left out.
    """

    xy: Array
    role: Role = ""
    mark: Literal["", "circle", "square", "star", "cross", "plus", "ring"] = ""
    filled: bool = True
    size: float = 1.0
    outlined: bool = False
    colour: Literal["", "ink", "blue", "red"] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", numbers(self.xy, "Points.xy", (None, 2)))
        object.__setattr__(self, "size", min(max(finite(self.size) or 1.0, 0.1), 10.0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Field(Part):
    """A number at every point of a grid in the plane.

    Args:
        label: what the colours mean, beside a colour bar; empty for no bar.
        x, y: the grid's coordinates (columns), (rows).
        values: (rows, columns).
        levels: where the bands of colour begin and end; None for no colours.
        contour: the height at which a line is drawn; None for no line.
        contour_label: the line's name in the legend; empty for none.
        shade: the line's: `before` is grey, `after` is black.
    """

    x: Array
    y: Array
    values: Array
    levels: Array | None = None
    contour: float | None = None
    contour_label: str = ""
    shade: Literal["before", "after"] = "after"

    def __post_init__(self) -> None:
        x, y = numbers(self.x, "Field.x", (None,)), numbers(self.y, "Field.y", (None,))
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)
        object.__setattr__(self, "values", numbers(self.values, "Field.values", (len(y), len(x))))
        object.__setattr__(self, "contour", finite(self.contour))
        if self.levels is not None:
            object.__setattr__(self, "levels", numbers(self.levels, "Field.levels", (None,)))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Values(Part):
    """The values that a histogram counts.

    Args:
        label: in the legend.
        values: (n).
        role: whom they are about.
    """

    values: Array
    role: Role = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", numbers(self.values, "Values.values", (None,)))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Tile:
    """One small picture.

    Args:
        pixels: (channels, height, width), uint8 or in [0, 1]; the mean of the channels is coloured where `colours` is
            not `pixels`.
        lines: what is written below it, a line each.
        alt: what it shows.
        colours: `pixels` are shown as they are; `heat` from low to high; `diverging` around their middle.
        low, high: the ends of the scale, where colours are not the pixels' own.
    """

    pixels: Array
    lines: tuple[str, ...] = ()
    alt: str = ""
    colours: Literal["pixels", "heat", "diverging"] = "pixels"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", pixels(self.pixels, "Tile.pixels"))
        for side in ("low", "high"):
            object.__setattr__(self, side, float(np.nan_to_num(vars(self)[side])))

    def __repr__(self) -> str:
        return f"Tile({self.alt or ', '.join(self.lines)})"
