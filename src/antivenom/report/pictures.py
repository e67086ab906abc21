"""A run's charts for the page: small pictures and tables as HTML, all others as PNG."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from antivenom.charts import Chart, Images, Table, Tile
from antivenom.charts.drawing.images import left_out, shown, tile_png
from antivenom.files.writing import inside, write_bytes
from antivenom.report.tables import Cell, Sheet

MAX_ROWS = 300
WIDE_PIXELS = 700
"""Wider pictures have their own line on the page."""
UNSAFE = re.compile(r"[^A-Za-z0-9_=-]+")
MAX_NAME_LENGTH = 100


@dataclass(frozen=True)
class Thumbnail:
    """One small picture: its address, its alternative text, and the lines below it."""

    uri: str
    alt: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """A chart on the page, as one of `uri`, `thumbnails` or `sheet`.

    Attributes:
        title: the title above small pictures and tables. A drawn picture contains its own.
        caption: the caption.
        alt: the alternative text.
        uri: the address of a drawn picture.
        wide: whether the chart has its own line on the page.
        thumbnails: small pictures, row by row.
        row_labels, column_labels: the labels of small pictures; empty for none.
        wraps: whether rows of small pictures are groups that may appear side by side.
        sheet: a table.
    """

    title: str
    caption: str
    alt: str
    uri: str = ""
    wide: bool = False
    thumbnails: tuple[tuple[Thumbnail, ...], ...] = ()
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    wraps: bool = False
    sheet: Sheet | None = None


def uri_of(png: bytes) -> str:
    """Return a picture as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def views(charts: Mapping[str, Chart]) -> tuple[dict[str, View], dict[str, bytes]]:
    """Return every chart as a view, and every drawn chart as a PNG, by key."""
    result: dict[str, View] = {}
    pngs: dict[str, bytes] = {}
    for key, chart in charts.items():
        if isinstance(chart, Images):
            result[key] = _images(chart)
        elif isinstance(chart, Table):
            result[key] = _table(chart)
        else:
            png = pngs[key] = chart.to_png()
            wide = int.from_bytes(png[16:20], "big") > WIDE_PIXELS
            result[key] = View("", chart.caption, chart.description, uri_of(png), wide)
    return result, pngs


def write_pictures(folder: Path, pngs: Mapping[str, bytes]) -> None:
    """Write drawn charts to `figures/`, with names that are safe on every file system.

    Raises:
        WriteError: `figures` is a symbolic link, which could point outside of the run.
    """
    for name, png in zip(safe_names(pngs), pngs.values(), strict=True):
        write_bytes(inside(folder, "figures", f"{name}.png"), png)


def safe_names(keys: Iterable[str]) -> list[str]:
    """Return a unique file name for each key, also on file systems that ignore case: letters, digits and a few marks.

    >>> safe_names(["repair.pruning(rank=effect).units", "../../etc", "A.b", "a.b"])
    ['repair.pruning_rank=effect_.units', '_._etc', 'A.b', 'a.b-2']
    """
    names: list[str] = []
    used: set[str] = set()
    for key in keys:
        parts = [UNSAFE.sub("_", part) for part in key.split(".")]
        name = wanted = ".".join(part for part in parts if part)[:MAX_NAME_LENGTH].strip(".") or "chart"
        number = 1
        while name.lower() in used:
            number += 1
            name = f"{wanted}-{number}"
        used.add(name.lower())
        names.append(name)
    return names


def _images(chart: Images) -> View:
    caption = " ".join(filter(None, (chart.caption, left_out(chart))))
    rows = shown(chart)
    across = max(map(len, rows), default=0)
    return View(
        chart.title,
        caption,
        chart.description,
        thumbnails=tuple(tuple(map(_thumbnail, row)) for row in rows),
        row_labels=chart.row_labels[: len(rows)],
        column_labels=chart.column_labels[:across],
        wraps=chart.wraps,
    )


def _thumbnail(tile: Tile) -> Thumbnail:
    return Thumbnail(uri_of(tile_png(tile)), tile.alt or ", ".join(tile.lines) or "a picture", tile.lines)


def _table(chart: Table) -> View:
    names = next((place for place in range(len(chart.columns)) if place in chart.numeric), len(chart.columns))
    rows = tuple(tuple(Cell(cell) for cell in row) for row in chart.rows[:MAX_ROWS])
    note = f" The first {MAX_ROWS} of {len(chart.rows):,} rows are shown." if len(chart.rows) > MAX_ROWS else ""
    return View(chart.title, "", chart.description, sheet=Sheet(chart.columns, rows, chart.caption + note, names=names))
