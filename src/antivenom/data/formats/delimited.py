"""Read tables of text, such as CSV files: numbers, and a label in each row."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
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
    if separator == ".":
        raise DataError(f"{file}: separator must not be '.', which numbers contain.")
    text, skipped, notes = _without_directive(text, separator, file)
    lines = _lines(text, separator, file, skipped)
    sample = list(islice(lines, SAMPLE))
    if separator == decimal and not any(has_decimal_comma(cell) for _, cells in sample for cell in cells):
        raise DataError(
            f"{file}: separator and decimal are both ',', but no number with a decimal comma is in quotes. Set "
            'separator to another character, leave out decimal, or write such numbers in quotes, as "1,5".'
        )
    width = len(sample[0][1]) if sample else 0
    if width < 2:
        raise _one_column(text, separator, width, file)
    try:
        columns = infer_columns(
            [cells if decimal == "." else with_points(cells) for _, cells in sample],
            label=label,
            header=header,
            ignore=ignore,
        )
    except DataError as error:
        raise DataError(f"{file} {error}") from error
    rows = chain(sample[1:] if columns.header else sample, lines)
    known = [text.strip().lower() for text in missing]
    columns = replace(columns, assumptions=(*notes, *columns.assumptions))
    return Reading(file, columns, known, missing_rows, first_is_row=not columns.header, decimal=decimal).table(rows)


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


def _without_directive(text: str, separator: str, file: Path) -> tuple[str, int, tuple[str, ...]]:
    """Return a text without a first line such as `sep=;`, the number of lines left out, and a sentence about them."""
    first, _, rest = text.partition("\n")
    named = re.fullmatch(r"sep=(.)", first.strip('\r" '), re.IGNORECASE)
    if not named:
        return text, 0, ()
    if named[1] != separator:
        shown, own = (SEPARATORS.get(mark, repr(mark)) for mark in (named[1], separator))
        raise DataError(
            f"{file}, line 1 says that the separator is {shown}; the setting is {own}. "
            f"Set separator to {shown}.{_about_commas(rest, named[1])}"
        )
    return rest, 1, (f"Line 1, {first.strip()!r}, names the separator, so it is left out.",)


def _lines(text: str, separator: str, file: Path, skipped: int) -> Iterator[Line]:
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
                    f"{file}, line {reader.line_num + skipped} must have {width} columns, as line {1 + skipped}; got "
                    f"{len(cells)}. The separator is {SEPARATORS.get(separator, repr(separator))}."
                    f"{_about_commas(text, separator) or _about_quotes(cells, width, separator)}"
                )
            if cells:
                yield reader.line_num + skipped, list(map(cell_text, cells)) if has_marks else cells
    except (csv.Error, TypeError) as error:
        raise DataError(f"{file} is not a CSV file with the separator {separator!r}: {error}") from error


def _about_quotes(cells: Sequence[str], width: int, separator: str) -> str:
    """Return advice about a line with too many cells, if numbers with decimal commas can be the reason."""
    if separator != "," or len(cells) <= width or sum(map(is_number, cells)) < 2:
        return ""
    return " If numbers have decimal commas, write them in quotes, or use ';' as the separator, and set decimal to ','."


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
    example = next((cell.strip() for cell in cells if _has_comma(cell)), None) if mark in text else None
    if example is None:
        return ""
    both = "separator to ';' and " if separator == "," else ""
    return f" If {example} is a number, set {both}decimal to ','."


def _has_comma(cell: str) -> bool:
    """Return True for a number with a decimal comma, also with points of thousands."""
    return has_decimal_comma(cell) or ("," in cell and has_point(cell))
