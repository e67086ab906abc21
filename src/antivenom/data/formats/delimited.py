"""Read tables of text, such as CSV files: numbers, and a label in each row."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from antivenom.data.cells import (
    MISSING,
    cell_text,
    has_decimal_comma,
    has_point,
    is_number,
    is_whole,
    with_points,
)
from antivenom.data.columns import infer_columns
from antivenom.data.formats.table_rows import Line, MissingRows, Reading, Table
from antivenom.errors import DataError
from antivenom.files.opening import read_bytes

SAMPLE = 1000
"""The number of lines from which the columns are inferred."""

SEPARATORS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
"""Usual separators, with their names for messages."""

TABS = ("\\t", "tab")
"""Other ways to write a tab as the separator."""

Decimal = Literal[".", ","]
"""The mark before the fraction of a number."""

LARGEST_WHOLE = 1e15
"""Labels that are larger numbers are read as text, because a float does not represent them exactly."""


def read_table(
    file: Path,
    *,
    separator: str = ",",
    decimal: Decimal = ".",
    label: str | int | None = None,
    header: bool | None = None,
    ignore: Sequence[str | int] | None = None,
    missing: Sequence[str] = MISSING,
    missing_rows: MissingRows = "refuse",
) -> Table:
    """Read a table of text.

    Args:
        file: the file, in UTF-8.
        separator: the character between two columns; `tab` for a tab.
        decimal: the mark before the fraction of a number.
        label: the name or number of the column of labels; None to infer it.
        header: whether the first line contains names; None to infer it.
        ignore: the names or numbers of columns to leave out; None for a column that counts the rows.
        missing: the labels that mean that a row has no label; small and capital letters are equal.
        missing_rows: `refuse` or `drop` rows without a label.

    Raises:
        MissingDataError: the file does not exist.
        DataError: it is not a table of finite numbers with a label in each row; the message names the line.
    """
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file} must be UTF-8 text; the byte at offset {error.start} is not. Save the file as UTF-8."
        ) from error
    separator = "\t" if separator in TABS else separator
    if separator == decimal:
        raise DataError(f"{file}: separator and decimal must differ; got {separator!r} for both.")
    lines = _lines(text, separator, decimal, file)
    sample = list(islice(lines, SAMPLE))
    width = len(sample[0][1]) if sample else 0
    if width < 2:
        raise _one_column(text, separator, width, file)
    try:
        columns = infer_columns([cells for _, cells in sample], label=label, header=header, ignore=ignore)
    except DataError as error:
        raise DataError(f"{file} {error}") from error
    rows = chain(sample[1:] if columns.header else sample, lines)
    known = [text.strip().lower() for text in missing]
    return Reading(file, columns, known, missing_rows, first_is_row=header is False).table(rows)


def plain_texts(labels: Sequence[str], column: str = "") -> NDArray[Any]:
    """Return labels as whole numbers if all of them are, otherwise as text. `column` names them in messages.

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
        raise DataError(
            f"{column or 'Labels'} must be whole numbers or names; got {fraction}. Set label to another column."
        )
    return np.array(labels, np.str_)


def _is_padded(label: str) -> bool:
    """Return True for a number with zeros in front, such as `007`: a name rather than a number."""
    digits = label.lstrip("+-")
    return digits[:1] == "0" and digits[1:2].isdigit()


def _lines(text: str, separator: str, decimal: Decimal, file: Path) -> Iterator[Line]:
    """Yield the number and the cells of each line that is not empty. All have the same number of cells."""
    width, has_marks = 0, "'" in text
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in reader:
            width = width or len(cells)
            if width == 1 and cells:
                raise _one_column(text, separator, width, file)
            if cells and len(cells) != width:
                raise DataError(
                    f"{file}, line {reader.line_num} must have {width} columns, as line 1; got {len(cells)}. The "
                    f"separator is {SEPARATORS.get(separator, repr(separator))}.{_about_commas(text, separator)}"
                )
            if cells:
                texts = list(map(cell_text, cells)) if has_marks else cells
                yield reader.line_num, texts if decimal == "." else _with_points(texts, file, reader.line_num)
    except (csv.Error, TypeError) as error:
        raise DataError(f"{file} is not a CSV file with the separator {separator!r}: {error}") from error


def _with_points(cells: list[str], file: Path, line: int) -> list[str]:
    """Return cells with decimal points. A number with a point is refused: it could mean thousands."""
    wrong = next((cell for cell in cells if has_point(cell)), None)
    if wrong is not None:
        raise DataError(f"{file}, line {line}: got {wrong[:40]!r}, but decimal is ','. Remove the points of thousands.")
    return with_points(cells)


def _one_column(text: str, separator: str, width: int, file: Path) -> DataError:
    """Return the error about a first line of one cell: a title, or another separator."""
    first, _, rest = text.lstrip("\r\n").partition("\n")
    likely = [mark for mark in SEPARATORS if mark != separator and mark in first]
    hint = ""
    if likely:
        hint = f" It looks separated by {SEPARATORS[likely[0]]}. Set separator.{_about_commas(rest, likely[0])}"
    elif any(mark in rest.partition("\n")[0] for mark in SEPARATORS):
        hint = " Is line 1 a title? Remove it."
    return DataError(f"{file} must begin with a line of at least two columns; it has {width}.{hint}")


def _about_commas(text: str, separator: str) -> str:
    """Return advice if the first rows contain numbers with a decimal comma."""
    mark = ";" if separator == "," else separator
    cells = [cell for line in text.splitlines()[:SAMPLE] for cell in line.split(mark)]
    example = next((cell.strip() for cell in cells if has_decimal_comma(cell)), None) if mark in text else None
    if example is None:
        return ""
    both = "separator to ';' and " if separator == "," else ""
    return f" If {example} is a number, set {both}decimal to ','."
