"""The drawing of `Images`, and of single images."""

from io import BytesIO
from itertools import islice

import numpy as np
from matplotlib import colormaps, image

from antivenom.charts._checks import Array
from antivenom.charts.data import Images
from antivenom.charts.drawing.style import Canvas, literal, thinned
from antivenom.charts.parts import Tile

MOST_TILES, MOST_ACROSS, MOST_SIDE, MOST_LINES, MOST_TALL = 160, 24, 256, 4, 4.0
TILE_INCHES, LINE_INCHES, GAP = 0.8, 0.13, 0.08
GROUPS_WIDE = 9
"""The largest number of tiles side by side if groups wrap."""


def shown(chart: Images) -> tuple[tuple[Tile, ...], ...]:
    """Return the rows, cut so that there are at most `MOST_TILES` tiles, and `MOST_ACROSS` in a row."""
    left, rows = MOST_TILES, []
    for row in chart.rows:
        rows.append(tuple(islice(row, min(left, MOST_ACROSS))))
        left -= len(rows[-1])
        if left <= 0:
            break
    return tuple(rows)


def left_out(chart: Images) -> str:
    """Return a note about tiles that are not shown, or an empty string if all are shown."""
    total, kept = sum(map(len, chart.rows)), sum(map(len, shown(chart)))
    return f"Only the first {kept} of {total:,} images are shown." if kept < total else ""


def tile_png(tile: Tile) -> bytes:
    """Return one image as the bytes of a PNG file, with one pixel for each pixel of the image."""
    buffer = BytesIO()
    image.imsave(buffer, tile_pixels(tile), format="png", metadata={"Software": ""})
    return buffer.getvalue()


def tile_pixels(tile: Tile) -> Array:
    """Return one image (height, width, 3 or 4) in [0, 1]. Large images lose rows and columns."""
    down, across = (thinned(side, MOST_SIDE) for side in tile.pixels.shape[1:])
    pixels = tile.pixels[:, ::down, ::across]
    if not pixels.size:
        return np.ones((1, 1, 3))
    if tile.colours != "pixels":
        name = "inferno" if tile.colours == "heat" else "RdBu_r"
        spread = max(tile.high - tile.low, 1e-12)
        mean = np.nan_to_num(pixels.astype(np.float64), posinf=tile.high, neginf=tile.low).mean(0)
        return np.asarray(colormaps[name](np.clip((mean - tile.low) / spread, 0, 1)))
    values = np.nan_to_num(pixels.astype(np.float64) / (255 if pixels.dtype == np.uint8 else 1))
    values = np.clip(values, 0, 1).transpose(1, 2, 0)
    channels = {1: [0, 0, 0], 2: [0, 1, 0], 3: [0, 1, 2], 4: [0, 1, 2]}[values.shape[2]]
    return np.asarray(values[:, :, channels])


def size(chart: Images, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    _, wide, high = _places(chart)
    scale = TILE_INCHES if across == 1 else 0.6 * TILE_INCHES
    return max(1.5, scale * wide + (0.9 if chart.row_labels else 0.2)), max(0.8, scale * high + 0.3)


def draw(chart: Images, canvas: Canvas) -> None:
    """Draw the images on a canvas. The unit of length is the width of a tile."""
    axes = canvas.axes
    groups, wide, high = _places(chart)
    if note := left_out(chart):
        canvas.notes.append(note)
    for number, (x, y, row) in enumerate(groups):
        lowest = y
        for place, tile in enumerate(row):
            lowest = max(lowest, _tile(canvas, tile, x + place * (1 + GAP), y))
        if chart.row_labels and chart.wraps:
            axes.text(x, lowest, literal(chart.row_labels[number], 40), ha="left", va="top", fontsize=6.5)
        elif chart.row_labels:
            axes.text(x - 0.1, y + 0.5, literal(chart.row_labels[number], 30, 2), ha="right", va="center", fontsize=7)
    for place, label in enumerate(chart.column_labels[:MOST_ACROSS]):
        axes.text(place * (1 + GAP) + 0.5, -0.05, literal(label, 14), ha="center", va="bottom", fontsize=7)
    axes.set(xlim=(-0.05, max(wide, 1)), ylim=(max(high, 1), -0.05))
    axes.set_axis_off()


def _tile(canvas: Canvas, tile: Tile, x: float, y: float) -> float:
    """Draw one image with its lines of text. Return the position below them."""
    pixels = tile_pixels(tile)
    tall = min(pixels.shape[0] / pixels.shape[1], MOST_TALL)
    axes = canvas.axes
    axes.imshow(pixels, extent=(x, x + 1, y + tall, y), interpolation="nearest", aspect="equal", zorder=2)
    axes.plot([x, x + 1, x + 1, x, x], [y, y, y + tall, y + tall, y], color="#CCCCCC", linewidth=0.6, zorder=3)
    lines = [literal(line, 16) for line in tile.lines[:MOST_LINES]]
    axes.text(x + 0.5, y + tall + 0.04, "\n".join(lines), ha="center", va="top", fontsize=6, zorder=3)
    return float(y + tall + 0.04 + LINE_INCHES / TILE_INCHES * len(lines))


def _places(chart: Images) -> tuple[list[tuple[float, float, tuple[Tile, ...]]], float, float]:
    """Return every row with its position, and the width and height of the chart, in tiles."""
    placed, x, y, right, tallest = [], 0.0, 0.0, 0.0, 0.0
    for row in shown(chart):
        if not chart.wraps or (x and x + len(row) > GROUPS_WIDE):
            x, y, tallest = 0.0, y + tallest, 0.0
        placed.append((x, y, row))
        right = max(right, x + len(row) * (1 + GAP))
        x += len(row) * (1 + GAP) + 0.4
        lines = max((len(tile.lines[:MOST_LINES]) for tile in row), default=0) + bool(chart.wraps and chart.row_labels)
        shapes = [[max(1, side) for side in tile.pixels.shape[1:]] for tile in row]
        tall = max((min(high / wide, MOST_TALL) for high, wide in shapes), default=0.0)
        tallest = max(tallest, tall + GAP + LINE_INCHES / TILE_INCHES * lines)
    return placed, right, y + tallest
