"""The part of a grid's page that compares all its cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from antivenom.charts import capitalised, worded
from antivenom.report.grid_charts import Cells, Overview, numeric_axes, overviews
from antivenom.report.leaderboard import Board, boards
from antivenom.report.tables import Cell, Sheet, full_title, value_cell
from antivenom.runner.results.reading import Measured
from antivenom.settings.naming import label, labels

MAX_SECTIONS = 12
"""The largest number of cells on the grid's own page."""
MAX_PAGES = 200
"""Grids with more cells have pages only for the first cells."""
MAX_LINES, MAX_ROWS = 40, 1000
MAX_PLACES = 50_000
"""The most places of a table: rows times columns."""

ABSENT, DASH = object(), "–"
"""The value of an axis that a cell does not have, and its text."""


@dataclass(frozen=True)
class Row:
    """A cell in the tables of all cells.

    Attributes:
        name: the name of the cell.
        axes: the values that the grid sets, as text.
        raw: the same values, in the form of the spec.
        figures: the figures without a subject, by key.
        doubts: the number of doubts.
        link: the address of the cell's section or page; empty for none.
    """

    name: str
    axes: dict[str, str]
    raw: dict[str, Any]
    figures: dict[str, Measured]
    doubts: int
    link: str


def row_of(name: str, axes: Mapping[str, Any], figures: Mapping[str, Measured], doubts: int, link: str) -> Row:
    """Return a cell's row."""
    kept = {key: figure for key, figure in figures.items() if not figure.subject}
    return Row(name, {axis: label(value) for axis, value in axes.items()}, dict(axes), kept, doubts, link)


class Grid:
    """A comparison of all cells of a grid.

    Args:
        rows: one row for each cell.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.axes = list(dict.fromkeys(axis for row in rows for axis in row.axes))
        self.rows = _short_labels(rows, self.axes)
        numeric = numeric_axes(self.axes, [row.raw for row in rows])
        self.axis = numeric[0] if len(numeric) == 1 else None
        self.figures: dict[str, Measured] = {}
        for row in rows:
            self.figures |= {key: figure for key, figure in row.figures.items() if key not in self.figures}
        self.headline = [key for key, figure in self.figures.items() if figure.headline and not figure.control]
        self.charted = [key for key in self.headline if self._varies(key)] or self.headline

    def overviews(self) -> list[Overview]:
        """Return charts of the headline figures that differ, against each numeric axis or by cell; none without any."""
        cells = Cells(
            [row.name for row in self.rows],
            [row.raw for row in self.rows],
            [row.axes for row in self.rows],
            [row.figures for row in self.rows],
        )
        charts = overviews(cells, self.axes, self.charted, self.figures)
        return [Overview(each.chart, f"{each.caption}{self._undrawn()}") for each in charts]

    def ranges(self) -> str:
        """Return a sentence with the range of each headline figure, for readers who do not see the chart."""
        parts = []
        for key in self.charted:
            known = [row for row in self.rows if key in row.figures and row.figures[key].mean is not None]
            if known:
                low, high = (pick(known, key=lambda row: row.figures[key].mean or 0.0) for pick in (min, max))
                ends = [f"{value_cell(row.figures[key]).text} in {row.name}" for row in (low, high)]
                parts.append(f"{full_title(self.figures[key])} from {ends[0]} to {ends[1]}")
        return f"{capitalised('; '.join(parts))}." if parts else ""

    def pivots(self) -> list[Sheet]:
        """Return a table for each headline figure that differs between cells.

        Columns are values of the numeric axis, rows those of the others.
        """
        others = [key for key in self.axes if key != self.axis]
        lines = list(dict.fromkeys(tuple(row.axes[key] for key in others) for row in self.rows))
        if self.axis is None or not others or len(lines) > MAX_LINES:
            return []
        return [self._pivot(key, self.axis, others, lines) for key in self.charted]

    def boards(self) -> list[Board]:
        """Return the table of all cells: in the order of the spec, and sorted by each headline figure that differs.

        Columns: grid values, headline figures of victim and control, number of doubts. Figures that are the same in all
        cells are in the caption instead.
        """
        keys = [each for key in self.headline for each in (key, f"{key}.control") if each in self.figures]
        differing = {key: self.figures[key] for key in keys if self._differs(key)}
        same = [self.figures[key] for key in keys if key not in differing]
        listed = "; ".join(f"{full_title(figure)} {value_cell(figure).text}" for figure in same)
        note = f" The same in all cells: {listed}." if same else ""

        def sheet_of(rows: Sequence[Row], order: str) -> Sheet:
            sheet = self._sheet(list(differing), rows, doubts=True, note=note)
            return replace(sheet, caption=f"{order} {sheet.caption}".strip())

        return boards(self.rows, differing, len(self.axes), sheet_of)

    def others(self) -> Sheet | None:
        """Return the table of all other figures, collapsed; None if there are none. Those that differ come first."""
        shown = {each for key in self.headline for each in (key, f"{key}.control")}
        shown |= {key for key, figure in self.figures.items() if figure.paired}  # in a table of their own
        keys = sorted((key for key in self.figures if key not in shown), key=lambda key: not self._differs(key))
        same = sum(not self._differs(key) for key in keys)
        note = f" The last {same} columns are the same in all cells." if 1 < same < len(keys) else ""
        note = " The last column is the same in all cells." if 1 == same < len(keys) else note
        title = f"All other figures ({len(keys)})"
        return self._sheet(keys, self.rows, title=title, note=note) if keys else None

    def _sheet(
        self, keys: Sequence[str], rows: Sequence[Row], *, title: str = "", doubts: bool = False, note: str = ""
    ) -> Sheet:
        caption = f"{self._means(keys, below=True)}.{note}" if keys else note.strip()
        columns = (*self.axes, *(full_title(self.figures[key]) for key in keys), *(("doubts",) if doubts else ()))
        most = min(MAX_ROWS, max(1, MAX_PLACES // len(columns)))
        lines = []
        for row in rows[:most]:
            names = [Cell(row.axes[axis], head=place == 0) for place, axis in enumerate(self.axes)]
            names[0] = Cell(names[0].text, link=row.link, head=True)
            values = [value_cell(row.figures.get(key)) for key in keys]
            lines.append((*names, *values, *([Cell(str(row.doubts))] if doubts else [])))
        if len(rows) > most:
            caption += f" The first {most:,} of {len(rows):,} cells are shown; table.csv contains all."
        return Sheet(columns, tuple(lines), caption, title, names=len(self.axes))

    def _pivot(self, key: str, axis: str, others: Sequence[str], lines: Sequence[tuple[str, ...]]) -> Sheet:
        values = sorted({row.raw[axis] for row in self.rows})
        by_place = {(tuple(row.axes[each] for each in others), row.raw[axis]): row for row in self.rows}
        control = f"{key}.control" if f"{key}.control" in self.figures else ""
        body = []
        for line in lines:
            mine = [by_place.get((line, value)) for value in values]
            cells = [value_cell(row.figures.get(key) if row else None) for row in mine]
            if control:
                controls = [row.figures[control] for row in mine if row and control in row.figures]
                cells.append(_mean_cell([each for each in controls if each.mean is not None]))
            body.append((*(Cell(name, head=True) for name in line), *cells))
        means = self._means([key], below=True).lower()
        caption = f"{capitalised(full_title(self.figures[key]))} of the victim against {axis}, {means}."
        caption += " The column control is the mean of the controls in the row." if control else ""
        columns = (*others, *map(str, values), *(["control"] if control else []))
        return Sheet(columns, tuple(body), caption, names=len(others))

    def _means(self, keys: Sequence[str], *, below: bool = False) -> str:
        """Return what the numbers of these figures are, and whether there are intervals."""
        known = any(row.figures[key].low is not None for row in self.rows for key in keys if key in row.figures)
        intervals = f" with their 95 % intervals{' below' if below else ''}" if known else ""
        return f"Means over the repeats{intervals}"

    def _differs(self, key: str) -> bool:
        """Return whether a figure, as it is shown, is not the same in all cells; true for a single cell."""
        cells = {value_cell(row.figures.get(key)) for row in self.rows}
        return len(cells) > 1 or len(self.rows) == 1

    def _varies(self, key: str) -> bool:
        """Return whether a figure, of the victim or of the control, is not the same in all cells."""
        figures = [[row.figures.get(each) for row in self.rows] for each in (key, f"{key}.control")]
        return any(len({figure.mean if figure else None for figure in side}) > 1 for side in figures)

    def _undrawn(self) -> str:
        """Return a sentence about the headline figures that are not drawn, or empty text if all are."""
        same = [self.figures[key] for key in self.headline if key not in self.charted]
        listed = ", ".join(f"{full_title(each)} {value_cell(each).text}" for each in same)
        return f" The same in all cells, so not drawn: {listed}." if same else ""


def _mean_cell(figures: Sequence[Measured]) -> Cell:
    if not figures:
        return Cell("–")
    return Cell(worded(sum(each.mean or 0.0 for each in figures) / len(figures), figures[0].unit))


def _short_labels(rows: Sequence[Row], axes: Sequence[str]) -> list[Row]:
    """Return the same rows, with a text for every axis: only the names of components if these distinguish all values.

    A value that a cell does not have is a dash.
    """
    texts = {axis: _texts([row.raw.get(axis, ABSENT) for row in rows]) for axis in axes}
    return [replace(row, axes={axis: texts[axis][place] for axis in axes}) for place, row in enumerate(rows)]


def _texts(values: Sequence[Any]) -> list[str]:
    """Return the values of one axis as text."""
    known = [value for value in values if value is not ABSENT]
    if known and all(isinstance(value, list | tuple) for value in known):
        listed = iter(labels(known))
        return [DASH if value is ABSENT else next(listed) for value in values]
    full = {label(value): value for value in known}
    names = {text: str(value["name"]) for text, value in full.items() if isinstance(value, dict) and "name" in value}
    if len(set(names.values()) | (full.keys() - names.keys())) < len(full):
        names = {}
    texts = [DASH if value is ABSENT else label(value) for value in values]
    return [names.get(text, text) for text in texts]
