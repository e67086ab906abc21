"""The parts of charts: axes, series of numbers, groups of points, small images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from antivenom.charts._checks import Array, numbers, on_the_cpu, pixels
from antivenom.charts.figure import finite

MOST_CHANNELS = 4
"""The largest number of channels that an image shows: red, green, blue and transparency."""

Role = Literal["", "victim", "control", "clean", "poison", "neutral"]
"""The subject of a series. A role has the same style in every chart; series without a role have different styles."""

Scale = Literal["linear", "log", "symlog"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """An axis of numbers.

    Args:
        label: the quantity and its unit.
        scale: `linear`, `log`, or `symlog`, which is logarithmic with a linear part around 0.
        low: the lower end, or None for an end that fits the data.
        high: the upper end, or None for an end that fits the data.
        whole: mark only whole numbers.
        categories: names instead of numbers, at the positions 0, 1, 2, …
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
"""An axis without a label that fits the data."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Part:
    """A part of a chart with a label in the legend.

    Args:
        label: the label in the legend; empty for none.
    """

    label: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label})"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Series(Part):
    """One line: a number at each position.

    If two series of a chart have the same role, the second has hollow marks.

    Args:
        label: the label in the legend; empty for none.
        x: positions (n).
        y: values (n); NaN for missing values.
        low: the lower end of an interval around each value (n), or None; NaN for none.
        high: the upper end of an interval around each value (n), or None; NaN for none.
        role: the subject of the line.
        marks: draw a mark at each position.
        faint: draw a thin, pale line, such as for one repeat among several.
        stepped: keep each value until the next position.
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
        label: the label in the legend; empty for none.
        values: the values (n); NaN for missing values.
        low: the lower end of an interval around each value (n), or None; NaN for none.
        high: the upper end of an interval around each value (n), or None; NaN for none.
        role: the subject of the values.
        limits: the positions of a short line at each category, such as a threshold (n), or None.
        ringed: the values to mark with a ring, such as flagged classes (n), bool, or None.
    """

    values: Array
    low: Array | None = None
    high: Array | None = None
    role: Role = ""
    limits: Array | None = None
    ringed: Array | None = None

    def __post_init__(self) -> None:
        values = numbers(self.values, "BarSeries.values", (None,))
        object.__setattr__(self, "values", values)
        for name in ("low", "high", "limits"):
            if vars(self)[name] is not None:
                object.__setattr__(self, name, numbers(vars(self)[name], f"BarSeries.{name}", values.shape))
        if self.ringed is not None:
            ringed = numbers(self.ringed, "BarSeries.ringed", values.shape)
            object.__setattr__(self, "ringed", ringed.astype(bool))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Points(Part):
    """A group of points in the plane.

    Args:
        label: the label in the legend; empty for none.
        xy: the coordinates (n, 2).
        role: the subject of the points.
        mark: the shape of the marks; different for each group if omitted.
        filled: fill the marks with their colour, otherwise with white.
        size: the size of the marks, as a factor of the usual size, from 0.1 to 10.
        outlined: draw the marks with a dark edge.
        colour: `ink`, `blue` or `red`; the colour of the role, or a different one for each group, if omitted.
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
        label: the label of the colour bar; empty for no colour bar.
        x: the coordinates of the columns (columns).
        y: the coordinates of the rows (rows).
        values: the numbers (rows, columns).
        levels: the ends of the bands of colour, or None for no colours.
        contour: the value along which a contour line is drawn, or None for no line.
        contour_label: the label of the contour line in the legend; empty for none.
        shade: the colour of the contour line: grey for `before`, black for `after`.
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
    """One group of values of a histogram.

    Args:
        label: the label in the legend; empty for none.
        values: the values (n).
        role: the subject of the values.
    """

    values: Array
    role: Role = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", numbers(self.values, "Values.values", (None,)))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Tile:
    """One small image.

    Args:
        pixels: the pixels (channels, height, width), uint8 or in [0, 1]. Of more than 4 channels, only the first 3 are
            shown, and a line says so; `heat` and `diverging` use the mean of all.
        lines: the lines of text below the image.
        alt: a description for readers who cannot see the image.
        colours: `pixels` shows the pixels unchanged. `heat` and `diverging` show the mean of the channels as colours,
            from `low` to `high` or around their middle.
        low: the lower end of the colour scale of `heat` and `diverging`.
        high: the upper end of the colour scale of `heat` and `diverging`.
    """

    pixels: Array
    lines: tuple[str, ...] = ()
    alt: str = ""
    colours: Literal["pixels", "heat", "diverging"] = "pixels"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        shown = np.asarray(on_the_cpu(self.pixels))
        if shown.ndim == 3 and len(shown) > MOST_CHANNELS:
            if self.colours == "pixels":
                object.__setattr__(self, "lines", (*self.lines, f"channels 0 to 2 of {len(shown)}"))
                shown = shown[:3]
            else:
                shown = shown.mean(0, keepdims=True)
        object.__setattr__(self, "pixels", pixels(shown, "Tile.pixels"))
        for side in ("low", "high"):
            object.__setattr__(self, side, float(np.nan_to_num(vars(self)[side])))

    def __repr__(self) -> str:
        return f"Tile({self.alt or ', '.join(self.lines)})"
