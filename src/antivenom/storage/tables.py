"""Writing tables as CSV text. A text that a spreadsheet would take for a formula gets an apostrophe."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from numbers import Number
from typing import Any

from antivenom.data.cells import safe_cell


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    r"""Return rows as CSV text. None and missing keys become empty fields. No text is a formula for a spreadsheet.

    >>> csv_text([{"cell": "a", "mean": 0.5}, {"cell": "b", "mean": None}])
    'cell,mean\na,0.5\nb,\n'
    >>> csv_text([{"name": "=1+1", "mean": -1.5}])
    "name,mean\n'=1+1,-1.5\n"
    """
    all_rows = list(rows)
    return "".join(csv_lines(lambda: all_rows))


def csv_lines(rows: Callable[[], Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield the lines of `csv_text`. `rows` is called twice, first for the columns, so no table is kept in memory."""
    columns = list(dict.fromkeys(key for row in rows() for key in row))
    yield csv_line(columns)
    for row in rows():
        yield csv_line(row.get(column) for column in columns)


def csv_line(values: Iterable[Any]) -> str:
    r"""Return values as one line of a CSV file.

    >>> csv_line(["a,b", 1.5, "\r"])
    '"a,b",1.5,"\'\r"\n'
    """
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, values))  # quotes cells with \r or \n
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: Any) -> Any:
    """Return a value as the cell of a table. Numbers and None stay."""
    return value if value is None or isinstance(value, Number) else safe_cell(str(value))
