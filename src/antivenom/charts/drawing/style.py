"""The style of all charts. Colour-blind readers can distinguish the colours, and marks or dashes differ as well."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.lines import Line2D

from antivenom.charts._checks import Array
from antivenom.charts.parts import Role

BLUE, VERMILLION, INK, SOFT, GRID = "#0072B2", "#D55E00", "#222222", "#666666", "#DDDDDD"
"""Okabe and Ito's blue and vermillion."""
TURNS = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999", "#A6761D", "#332288")
"""Seven colours of Okabe and Ito, and three for charts with many series."""
MARKS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")
HATCHES = ("", "///", "...", "xxx", "\\\\\\")
FILLS: tuple[Literal["full", "none", "left", "top"], ...] = ("full", "none", "left", "top")
BEFORE, AFTER = "#9A9A9A", "#000000"
RED = "#C00000"

TEXT_POINTS, SMALL_POINTS = 9.0, 8.0
MOST_NAMED = 16
"""The largest number of entries of a legend."""
LETTER = 0.6
"""The width of a letter divided by its font size."""
FARTHEST = 1e150
"""The largest number that is drawn. Axes cannot show larger ones."""


@dataclass(frozen=True)
class Look:
    """The style of a series or of a group.

    Attributes:
        colour: the colour.
        mark: the shape of the marks.
        dash: the dashes of the line.
        fill: the filled part of the marks.
        hatch: the pattern of bars.
        outline: draw an outline in histograms instead of an area.
    """

    colour: str
    mark: str
    dash: str
    fill: Literal["full", "none", "left", "top"] = "full"
    hatch: str = ""
    outline: bool = False


ROLES = {
    "victim": Look(VERMILLION, "D", "-", outline=True),
    "control": Look(BLUE, "o", "--", hatch="///"),
    "clean": Look(BLUE, "o", "-", hatch="///"),
    "poison": Look(VERMILLION, "X", "-.", outline=True),
    "neutral": Look(INK, "x", ":", hatch="...", outline=True),
}


@dataclass
class Canvas:
    """The plot for a chart, and the text beside it.

    Attributes:
        axes: the plot.
        entries: the entries of its legend.
        notes: sentences below it, such as a note about omitted points.
        scale: the colours for a colour bar, and its label, or None.
    """

    axes: Axes
    entries: list[tuple[Artist, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scale: tuple[ScalarMappable, str] | None = None

    def name(self, handle: Artist, label: str) -> None:
        """Add an entry to the legend, unless the label is empty."""
        if label:
            self.entries.append((handle, literal(label, 40)))


def looks(roles: list[Role], faint: list[bool] | None = None) -> list[Look]:
    """Return a look for each series: that of its role, or different ones. Marks of one role have different fillings."""
    used = {ROLES[role].colour for role in roles if role}
    turns = [colour for colour in TURNS if colour not in used]
    chosen, counts = [], dict.fromkeys(roles, 0)
    for role, pale in zip(roles, faint or [False] * len(roles), strict=True):
        turn = counts[role]
        counts[role] += not pale
        if role:
            base = ROLES[role]
            chosen.append(Look(base.colour, base.mark, base.dash, FILLS[turn % len(FILLS)], base.hatch, base.outline))
        else:
            mark, dash = MARKS[turn % len(MARKS)], DASHES[turn // len(turns) % len(DASHES)]
            hatch = HATCHES[turn % len(HATCHES)]
            chosen.append(Look(turns[turn % len(turns)], mark, dash, "full", hatch, turn > 0))
    return chosen


def marked(look: Look, size: float = 6.0, *, line: str = "", mark: bool = True, width: float = 1.8) -> dict[str, Any]:
    """Return a look as arguments of matplotlib for a line."""
    return {
        "color": look.colour,
        "linestyle": line,
        "linewidth": width,
        "marker": look.mark if mark else "",
        "markersize": size,
        "fillstyle": look.fill,
        "markerfacecolor": "white" if look.fill == "none" else look.colour,
        "markerfacecoloralt": "white",
        "markeredgecolor": look.colour,
    }


def handle(**style: Any) -> Line2D:
    """Return a line for a legend."""
    return Line2D([], [], **style)


def plain(values: Array) -> Array:
    """Return numbers that can be drawn: NaN instead of numbers that are too large, and 0 instead of too small ones."""
    size = np.abs(values)
    return np.where(size < FARTHEST, np.where(size > 1 / FARTHEST, values, 0.0), np.nan)


def literal(text: str, limit: int = 200, lines: int = 1) -> str:
    r"""Return text that matplotlib shows literally, cut to a length: without mathematics and control characters.

    >>> literal("a$x$\n\0b")
    'a\\$x\\$ �b'
    """
    rows = text.split("\n")
    rows = rows if len(rows) <= lines else [*rows[: lines - 1], " ".join(rows[lines - 1 :])]
    whole = "\n".join("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in row) for row in rows)
    cut = whole if len(whole) <= limit else whole[: limit - 1] + "…"
    return (" " if cut.startswith("_") else "") + cut.replace("$", r"\$")


def width_of(text: str, points: float = TEXT_POINTS) -> float:
    """Return the approximate width of the longest line of a text, in inches."""
    return max(len(line) for line in text.split("\n")) * LETTER * points / 72


def frame(axes: Axes) -> None:
    """Draw a frame without its upper and right side, and a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(labelsize=TEXT_POINTS, color="#888888")
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def thinned(count: int, most: int) -> int:
    """Return the step with which to keep at most `most` of `count` things."""
    return max(1, math.ceil(count / most))
