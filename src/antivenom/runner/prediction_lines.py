"""Predictions in a CSV file: one line for each row of a set, with the columns `set`, `row` and `label`."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from antivenom.errors import DataError
from antivenom.files.opening import read_text
from antivenom.settings import short

COLUMNS = ("set", "row", "label")
EXAMPLE = "set,row,label, and then for example test,0,3"
LONGEST_NUMBER = 18
"""The most digits of the number of a row or a class: it fits into int64."""
NAMED = 5
"""The most values that a message lists."""


def labels_in_lines(
    file: Path, name: str, rows: int, classes: tuple[str, ...], sets: Mapping[str, object], most_bytes: int
) -> list[int]:
    """Return the predicted class of each row of the set `name`, in the order of the rows' numbers.

    Args:
        file: the CSV file.
        name: the set: `test` or `triggered`.
        rows: the number of rows of the set.
        classes: the names of the classes. A label is the name or the number of a class.
        sets: the names of all sets that the file must have.
        most_bytes: the largest size of the file.

    Raises:
        DataError: a column or a row is missing, a row has two lines, or a line has other values.
    """
    text = read_text(file, most_bytes).removeprefix("\ufeff")
    numbers = {label: number for number, label in enumerate(classes)}
    predicted: dict[int, tuple[int, int]] = {}
    try:
        for line, place, label in _lines_of(file, text, name, sets):
            row = _row(file, line, place, rows, name)
            if row in predicted:
                raise DataError(
                    f"{file}: row {row} of the set {name!r} has two lines, {predicted[row][1]} and {line}, with the "
                    f"labels {predicted[row][0]} and {short(label)}. Write one line for each row."
                )
            predicted[row] = (numbers[label] if label in numbers else _class(file, line, label), line)
    except csv.Error as error:
        raise DataError(f"{file} is not a valid CSV file: {error}") from error
    absent = [row for row in range(rows) if row not in predicted]
    if absent:
        raise DataError(
            f"{file} must have one line for each of the {rows} rows of the set {name!r}; it has {len(predicted)}. "
            f"No line has row {absent[0]}. Rows are numbered from 0, in the order of the files or arrays."
        )
    return [predicted[row][0] for row in range(rows)]


def _lines_of(file: Path, text: str, name: str, sets: Mapping[str, object]) -> Iterator[tuple[int, str, str]]:
    """Yield the line number, the row and the label of each line of a set.

    Raises:
        DataError: a column is missing, or no line is of the set.
    """
    reader = csv.DictReader(StringIO(text, newline=""))
    columns = list(reader.fieldnames or ())
    absent = [column for column in COLUMNS if column not in columns]
    if absent:
        raise DataError(
            f"{file} must have the columns set, row and label; its first line has "
            f"{_listed(columns) if columns else 'no columns'}, without {' and '.join(absent)}. "
            f"The first line must be {EXAMPLE}."
        )
    others: Counter[str] = Counter()
    empty = True
    for row in reader:
        line, of = reader.line_num, row["set"] or ""
        if of == name:
            empty = False
            yield line, row["row"] or "", row["label"] or ""
        elif of not in sets and of.strip().lower() in sets:
            raise DataError(f"{file}, line {line}: the set must be {of.strip().lower()!r}; got {short(of)}.")
        else:
            others[of] += 1
    if empty:
        seen = f"has the sets {_listed(list(others))}" if others else "has no lines after the first"
        raise DataError(f"{file} must have lines of the set {name!r}; it {seen}. The file must be {EXAMPLE}.")


def _row(file: Path, line: int, text: str, rows: int, name: str) -> int:
    if not _is_number(text):
        raise DataError(
            f"{file}, line {line}: the row must be a whole number from 0 to {rows - 1}; got {short(text)}."
            f"{_advice('row', text)}"
        )
    if int(text) >= rows:
        raise DataError(
            f"{file}, line {line}: the set {name!r} has the rows 0 to {rows - 1}; got row {short(text)}. "
            "Rows are numbered from 0, in the order of the files or arrays."
        )
    return int(text)


def _class(file: Path, line: int, text: str) -> int:
    if not _is_number(text):
        raise DataError(
            f"{file}, line {line}: the label must be the number of a class, such as 7, or its name; "
            f"got {short(text)}.{_advice('label', text)}"
        )
    return int(text)


def _advice(column: str, text: str) -> str:
    """Return how to write a whole number that has a fraction, such as 7.0."""
    whole, _, fraction = text.partition(".")
    if not (_is_number(whole) and fraction and not fraction.strip("0")):
        return ""
    return f" Write {whole}: with a table of pandas, table[{column!r}] = table[{column!r}].astype(int)."


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST_NUMBER


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(short(name) for name in names[:NAMED]) + more
