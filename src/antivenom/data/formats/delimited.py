"""Read tables of text, such as CSV files: numbers, and a label in each row."""

import csv
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.data.columns import MISSING, Columns, infer_columns, is_missing, is_number, is_whole
from antivenom.data.formats._reading import contents
from antivenom.errors import DataError

SAMPLE = 1000
"""The number of lines from which the columns are inferred."""

SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
"""Usual separators, with their names for messages."""

LARGEST_WHOLE = 1e15
"""Labels that are larger numbers are read as text, because a float does not represent them exactly."""

Line = tuple[int, list[str]]


@dataclass(frozen=True)
class Table:
    """The content of a file: its numbers (n, columns), its labels (n) as text, and its columns."""

    numbers: NDArray[np.float64]
    labels: list[str]
    columns: Columns


def read_table(
    file: Path,
    *,
    separator: str = ",",
    label: str | int | None = None,
    header: bool | None = None,
    ignore: Sequence[str | int] | None = None,
    missing: Sequence[str] = MISSING,
) -> Table:
    """Read a table of text.

    Args:
        file: the file, in UTF-8.
        separator: the character between two columns.
        label: the name or number of the column of labels; None to infer it.
        header: whether the first line contains names; None to infer it.
        ignore: the names or numbers of columns to leave out; None for a column that counts the rows.
        missing: the labels, in lower case, that mean that a row has no label.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a table of finite numbers with a label in each row; the message names the line.
    """
    try:
        text = contents(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} must be UTF-8 text; the byte at offset {error.start} is not.") from error
    lines = _lines(text, separator, file)
    sample = list(islice(lines, SAMPLE))
    width = len(sample[0][1]) if sample else 0
    if width < 2:
        hint = _other_separator(text, separator)
        raise DataError(f"{file} must begin with a line of at least two columns; it has {width}.{hint}")
    try:
        columns = infer_columns([cells for _, cells in sample], label=label, header=header, ignore=ignore)
    except DataError as error:
        raise DataError(f"{file} {error}") from error
    return _filled(chain(sample[1:] if columns.header else sample, lines), columns, missing, file)


def plain_texts(labels: Sequence[str]) -> NDArray[Any]:
    """Return labels as whole numbers if all of them are, otherwise as text.

    Raises:
        DataError: all are numbers, but some are fractions: measurements.

    >>> plain_texts(["10.0", "2"]).tolist(), plain_texts(["01", "2"]).tolist()
    ([10, 2], ['01', '2'])
    """
    different = set(labels)
    if all(is_whole(label) and abs(float(label)) < LARGEST_WHOLE and not _is_padded(label) for label in different):
        return np.array([int(float(label)) for label in labels], np.int64)
    fraction = next((label for label in labels if is_number(label) and not is_whole(label)), None)
    if fraction is not None and all(map(is_number, different)):
        raise DataError(f"Labels must be whole numbers or names; got {fraction}. Set label to another column.")
    return np.array(labels, np.str_)


def _is_padded(label: str) -> bool:
    """Return True for a number with zeros in front, such as `007`: a name rather than a number."""
    digits = label.lstrip("+-")
    return digits[:1] == "0" and digits[1:2].isdigit()


def _lines(text: str, separator: str, file: Path) -> Iterator[Line]:
    """Yield the number and the cells of each line that is not empty. All have the same number of cells."""
    width = 0
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in reader:
            width = width or len(cells)
            if cells and len(cells) != width:
                raise DataError(
                    f"{file}, line {reader.line_num} must have {width} columns, as line 1; got {len(cells)}."
                )
            if cells:
                yield reader.line_num, cells
    except (csv.Error, TypeError) as error:
        raise DataError(f"{file} is not a CSV file with the separator {separator!r}: {error}") from error


def _other_separator(text: str, separator: str) -> str:
    """Return advice if the first line contains another usual separator."""
    line = text.partition("\n")[0]
    likely = [name for mark, name in SEPARATORS.items() if mark != separator and mark in line]
    return f" It looks separated by {likely[0]}. Set separator." if likely else ""


def _filled(lines: Iterable[Line], columns: Columns, missing: Sequence[str], file: Path) -> Table:
    """Read all rows: one label, and one finite number for each of the other columns."""
    values, labels = array("d"), list[str]()
    dropped = sorted({columns.label, *columns.ignored}, reverse=True)
    for number, cells in lines:
        for column, start in columns.counting:
            if cells[column].strip() != str(start + len(labels)):
                raise DataError(
                    f"{file}, line {number}: the column {columns.names[column]!r} counts the rows before this line; "
                    f"got {cells[column][:40]!r}. Set ignore to [{column}] to leave it out, or to [] to use it."
                )
        label = cells[columns.label].strip()
        if is_missing(label, missing):
            raise DataError(f"{file}, line {number} has no label; got {label!r}. Remove this row, or set missing.")
        labels.append(label)
        for column in dropped:
            del cells[column]
        values.extend(_number(value, file, number) for value in cells)
    if not labels:
        raise DataError(f"{file} must have at least one row; it has none.")
    return Table(np.frombuffer(values).reshape(len(labels), -1), labels, columns)


def _number(value: str, file: Path, line: int) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{file}, line {line} must contain finite numbers; got {value[:40]!r}.")
    return number
