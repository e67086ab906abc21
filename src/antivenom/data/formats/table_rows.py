"""Read the rows of a table of text: a label, and a finite number in each of the other columns that are used."""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from antivenom.data.cells import has_point, is_missing, number_hint, number_in, with_points
from antivenom.data.columns import Columns
from antivenom.data.exact import about_rounding
from antivenom.data.identifiers import LONGEST
from antivenom.errors import DataError

MissingRows = Literal["refuse", "drop"]
"""The treatment of rows without a label."""

LONG = 2.0**53
"""From here on, a float rounds whole numbers."""

Line = tuple[int, list[str]]
"""The number of a line in the file, from 1, and its cells."""


@dataclass(frozen=True)
class Table:
    """The content of a file.

    Args:
        numbers: its numbers (n, columns).
        labels: its labels (n) as text.
        lines: the line (n) of each row in the file, from 1.
        columns: its columns.
        dropped: the number of rows that were left out because they have no label.
        rounded: a sentence about each column of numbers that float32 rounds.
    """

    numbers: NDArray[np.float32]
    labels: list[str]
    lines: Sequence[int]
    columns: Columns
    dropped: int = 0
    rounded: tuple[str, ...] = ()

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The sentences about the columns, and the number of rows that were left out."""
        rows = "1 row has" if self.dropped == 1 else f"{self.dropped:,} rows have"
        note = f"{rows} no label and {'is' if self.dropped == 1 else 'are'} left out, because missing_rows is drop."
        return (*self.columns.assumptions, *self.rounded, *([note] if self.dropped else []))


@dataclass
class Reading:
    """Reads all rows: one label, and one finite number for each of the other columns."""

    file: Path
    columns: Columns
    missing: Sequence[str]
    missing_rows: MissingRows
    first_is_row: bool
    decimal: str = "."
    long: dict[int, set[float]] = field(default_factory=dict)

    def table(self, lines: Iterable[Line]) -> Table:
        """Return all rows.

        Raises:
            DataError: a cell has no finite number, a row has no label, or float32 does not tell numbers apart.
        """
        values, labels, places, dropped = array("d"), list[str](), array("q"), 0
        used = [
            number
            for number in range(len(self.columns.names))
            if number != self.columns.label and number not in self.columns.ignored
        ]
        for line, cells in lines:
            self._check_counting(cells, len(labels) + dropped, line)
            label = cells[self.columns.label].strip()
            if is_missing(label, self.missing):
                self._check_droppable(label, line)
                dropped += 1
                continue
            values.extend(self._numbers(cells, used, line))
            labels.append(self._label(label, line))
            places.append(line)
        if not labels:
            raise DataError(f"{self.file} must have at least one row with a label; it has none.")
        numbers = np.frombuffer(values).reshape(len(labels), -1)
        rounded = tuple(
            note for place, column in enumerate(used) for note in self._about_rounding(numbers[:, place], column)
        )
        return Table(self._rows(numbers, used, places), labels, places, self.columns, dropped, rounded)

    def _about_rounding(self, numbers: NDArray[np.float64], column: int) -> tuple[str, ...]:
        shown, different = self.columns.shown(column), None
        if column in self.long:
            different = len(self.long[column]) + len(np.unique(numbers[np.abs(numbers) < LONG]))
        try:
            return about_rounding(
                numbers,
                shown,
                otherwise=f"set ignore to {self.columns.ignoring(column)} to leave it out",
                different=different,
            )
        except DataError as error:
            raise DataError(f"{self.file}: {error}") from error

    def _rows(self, numbers: NDArray[np.float64], used: Sequence[int], lines: Sequence[int]) -> NDArray[np.float32]:
        """Return the numbers as float32, the type of rows."""
        with np.errstate(over="ignore"):
            rows = numbers.astype(np.float32)
        wrong = np.argwhere(~np.isfinite(rows))
        if len(wrong):
            row, place = wrong[0].tolist()
            where, value = self._where(used[place], lines[row]), numbers[row, place]
            raise DataError(f"{where} must contain numbers up to 3.4e38, the range of float32; got {value:g}.")
        return rows

    def _check_counting(self, cells: Sequence[str], row: int, line: int) -> None:
        for column, start in self.columns.counting:
            if cells[column].strip() != str(start + row):
                raise DataError(
                    f"{self.file}, line {line}: the column {self.columns.names[column]!r} counts the rows before this "
                    f"line; got {cells[column][:40]!r}. Set ignore to {self.columns.ignoring(column)} to leave it out, "
                    "or to [] to use it."
                )

    def _check_droppable(self, label: str, line: int) -> None:
        if self.missing_rows == "refuse":
            raise DataError(
                f"{self.file}, line {line} has no label; got {label!r}. Remove this row, or set missing_rows to drop. "
                "If this text is the name of a class, leave it out of `missing`."
            )

    def _numbers(self, cells: Sequence[str], used: Sequence[int], line: int) -> list[float]:
        """Return the numbers of a row."""
        if self.decimal == ".":
            try:
                numbers = [float(cells[column]) for column in used]
            except ValueError:
                numbers = [math.inf]
            if all(-LONG < number < LONG for number in numbers) and not any("_" in cell for cell in cells):
                return numbers  # nearly all rows
        return [self._number(cells[column], column, line) for column in used]

    def _count_long(self, number: float, text: str, column: int) -> None:
        """Remember a whole number that a float does not tell apart from others."""
        if abs(number) >= LONG:
            exact = len(text) <= LONGEST and text.lstrip("+-").isdecimal()
            self.long.setdefault(column, set()).add(int(text) if exact else number)

    def _number(self, value: str, column: int, line: int) -> float:
        number = number_in(value, self.decimal)
        if number is not None:
            self._count_long(number, value.strip(), column)
            return number
        where = self._where(column, line)
        if is_missing(value):
            raise DataError(
                f"{where} has no value; got {value[:40]!r}. Fill it, or remove the row.{self._about_first(line)} Set "
                f"ignore to {self.columns.ignoring(column)} to leave the column out."
            )
        raise DataError(
            f"{where} must contain finite numbers; got {value[:40]!r}.{self._hint(value, line)} Set ignore to "
            f"{self.columns.ignoring(column)} to leave the column out."
        )

    def _label(self, label: str, line: int) -> str:
        """Return a label; a number with a decimal comma gets a point."""
        if self.decimal == "," and has_point(label):
            raise DataError(
                f"{self._where(self.columns.label, line)} has the label {label[:40]!r}, but decimal is ','. Write "
                "whole numbers without a point, or names."
            )
        return with_points([label])[0] if self.decimal == "," else label

    def _where(self, column: int, line: int) -> str:
        name = self.columns.names[column]
        return f"{self.file}, line {line}, column {repr(name) if self.columns.header and name else column}"

    def _hint(self, value: str, line: int) -> str:
        hint = number_hint(value, self.decimal)
        if hint:
            return hint
        return self._about_first(line)

    def _about_first(self, line: int) -> str:
        """Return advice about line 1, if it was taken for a row."""
        is_row = self.first_is_row and line == 1
        return " Set header to true if line 1 contains the names of the columns." if is_row else ""


def matched(table: Table, first: Table, file: Path, first_file: Path) -> Table:
    """Return the table of a test file with its columns in the order of the training file.

    Raises:
        DataError: it has other columns, or another column of labels.
    """
    ours, own = first.columns, table.columns
    label, own_label = ours.names[ours.label], own.names[own.label]
    wanted, got = (_used_names(columns) for columns in (ours, own))
    if (wanted, label) == (got, own_label):
        return table
    if ours.header and own.header and sorted(wanted) == sorted(got) and label == own_label:
        order = [got.index(name) for name in wanted]
        note = f"The columns are in another order than in {first_file}, and are matched by their names."
        columns = replace(own, assumptions=(*own.assumptions, note))
        return replace(table, numbers=table.numbers[:, order], columns=columns)
    line = ", ".join(ours.names)
    if ours.header and not (set(ours.names) & set(own.names)):
        raise DataError(
            f"{file} must have the same columns as {first_file}: {line}; got a first line without these names. Add the "
            f"line of names at the top: {line}"
        )
    used = ", ".join([*wanted, label])
    raise DataError(
        f"{file} must have the same columns as {first_file}: {used}, with the labels in {label!r}; got "
        f"{', '.join([*got, own_label])}, with the labels in {own_label!r}. Set label and ignore if they are inferred "
        "differently."
    )


def _used_names(columns: Columns) -> list[str]:
    """Return the names of the columns of numbers, in their order."""
    return [
        name for number, name in enumerate(columns.names) if number != columns.label and number not in columns.ignored
    ]
