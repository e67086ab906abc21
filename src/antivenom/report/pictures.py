"""A run's charts for the page: small pictures and tables as HTML, everything else as PNG."""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from antivenom.charts import Chart, Images, Table, Tile
from antivenom.charts.drawing.images import left_out, shown, tile_png
from antivenom.errors import RunError
from antivenom.report.tables import Cell, Sheet
from antivenom.storage.files import write_bytes

MAX_ROWS = 300
WIDE_PIXELS = 700
"""Pictures that are wider than this have a line of the page for themselves."""
UNSAFE = re.compile(r"[^A-Za-z0-9_=-]+")
MAX_NAME_LENGTH = 100


@dataclass(frozen=True)
class Thumbnail:
    """One small picture: its address, what it shows, and the lines below it."""

    uri: str
    alt: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """A chart as the page shows it: one of `uri`, `thumbnails`, `sheet`.

    Attributes:
        title: above small pictures and tables; a drawn picture has its own.
        caption: below or above it.
        alt: what it shows.
        uri: a drawn picture's address.
        wide: whether it has a line of the page for itself.
        thumbnails: small pictures, row by row.
        row_labels, column_labels: of small pictures; empty for none.
        wraps: whether rows of small pictures are groups that may stand side by side.
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
    """A picture as an address that holds all of it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def views(charts: Mapping[str, Chart]) -> tuple[dict[str, View], dict[str, bytes]]:
    """Every chart as the page shows it, and every drawn one as a PNG, by key."""
    found: dict[str, View] = {}
    pngs: dict[str, bytes] = {}
    for key, chart in charts.items():
        if isinstance(chart, Images):
            found[key] = _images(chart)
        elif isinstance(chart, Table):
            found[key] = _table(chart)
        else:
            png = pngs[key] = chart.to_png()
            wide = int.from_bytes(png[16:20], "big") > WIDE_PIXELS
            found[key] = View("", chart.caption, chart.description, uri_of(png), wide)
    return found, pngs


def write_pictures(folder: Path, pngs: Mapping[str, bytes]) -> None:
    """Write drawn charts into `figures/`, under names that are safe whatever the charts are called.

    Raises:
        RunError: `figures` is a link, which could lead anywhere.
    """
    place = folder / "figures"
    if place.is_symlink():
        raise RunError(f"{place} is a link. Remove it, so that pictures are written into the run's folder.")
    for name, png in zip(safe_names(pngs), pngs.values(), strict=True):
        write_bytes(place / f"{name}.png", png)


def safe_names(keys: Iterable[str]) -> list[str]:
    """A file's name for each key: letters, digits and a few marks, each once even where upper and lower case are one.

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
