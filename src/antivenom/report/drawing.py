"""How figures are drawn: no global state, colours that the colour-blind tell apart, always with a shape too."""

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from matplotlib import colormaps, image, rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from antivenom.report.run import Array

VICTIM, CONTROL, INK, GRID = "#D55E00", "#0072B2", "#222222", "#DDDDDD"
"""Okabe and Ito's vermillion and blue."""
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Picture:
    """A picture for the page: a PNG, what it shows in words, and the line below it."""

    name: str
    png: bytes
    alt: str
    caption: str

    @property
    def uri(self) -> str:
        """The picture itself, as an address."""
        return uri_of(self.png)


def uri_of(png: bytes) -> str:
    """A picture as an address that holds all of it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def png_of(pixels: Array) -> bytes:
    """One row (channels, height, width), uint8 or in [0, 1], as a PNG of its own size."""
    buffer = BytesIO()
    image.imsave(buffer, as_pixels(pixels), format="png", metadata={"Software": ""})
    return buffer.getvalue()


def as_pixels(row: Array) -> Array:
    """A row (channels, height, width), uint8 or in [0, 1], as (height, width, 3) in [0, 1]."""
    values = row.astype(np.float64) / (255 if row.dtype == np.uint8 else 1)
    values = np.clip(values, 0, 1).transpose(1, 2, 0)
    values = np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values[:, :, :3]
    return np.concatenate([values, values[:, :, :1]], axis=2) if values.shape[2] == 2 else values


def tiled(tiles: list[list[Array]]) -> Array:
    """Pictures (height, width, 4) of one size, side by side in lines, with grey between them."""
    blank = np.ones_like(tiles[0][0])
    across = max(map(len, tiles))
    lines = []
    for line in tiles:
        framed = [np.pad(tile, ((1, 1), (1, 1), (0, 0)), constant_values=0.8) for tile in line]
        framed += [np.pad(blank, ((1, 1), (1, 1), (0, 0)), constant_values=1)] * (across - len(line))
        lines.append(np.concatenate(framed, axis=1))
    return np.concatenate(lines)


def coloured(values: Array, name: str, low: float, high: float) -> Array:
    """Numbers (height, width) as a picture (height, width, 4) by one of matplotlib's colour maps."""
    scale = max(high - low, 1e-12)
    return np.asarray(colormaps[name](np.clip((values - low) / scale, 0, 1)))


def opaque(pixels: Array) -> Array:
    """A picture (height, width, 3) with a fourth channel."""
    return np.concatenate([pixels, np.ones_like(pixels[:, :, :1])], axis=2)


def difference(before: Array, after: Array) -> Array:
    """Where two rows differ, grey for no change, stretched to the full range."""
    change = after.astype(np.float64) - before.astype(np.float64)
    peak = np.abs(change).max()
    return np.asarray(0.5 + (change / (2 * peak) if peak else 0 * change))


def mosaic(tiles: list[list[Array]], names: list[str], size: float) -> Figure:
    """Small pictures in lines, each line with its name."""
    across, high = max(map(len, tiles)), tiles[0][0].shape[0] + 2
    figure = Figure(figsize=(size * across + 1, size * len(tiles) + 0.1), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(tiled(tiles), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([high * (line + 0.5) - 0.5 for line in range(len(tiles))], names, fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def annotate(axes: Axes, matrix: Array) -> None:
    """Write shares in percent into the cells of a map."""
    for row, column in zip(*np.nonzero(matrix >= 0.005), strict=True):
        value = matrix[row, column]
        ink = "black" if value > 0.6 else "white"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=7)


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure with one plot, styled."""
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.subplots()
    style(axes)
    return figure, axes


def style(axes: Axes) -> None:
    """No frame, a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def short(label: str, limit: int = 12) -> str:
    """Text that matplotlib takes literally: no mathematics between dollar signs."""
    cut = label if len(label) <= limit else label[: limit - 1] + "…"
    return cut.replace("$", r"\$")


def to_png(figure: Figure) -> bytes:
    """A figure as a PNG, the same bytes every time."""
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def to_svg(figure: Figure) -> bytes:
    """A figure as an SVG, the same bytes every time; its text stays text."""
    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "antivenom", "svg.fonttype": "none"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()
