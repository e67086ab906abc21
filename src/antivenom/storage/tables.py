"""Writing tables as CSV text."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from typing import Any


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    r"""Return rows as CSV text. None and missing keys become empty fields.

    >>> csv_text([{"cell": "a", "mean": 0.5}, {"cell": "b", "mean": None}])
    'cell,mean\na,0.5\nb,\n'
    """
    all_rows = list(rows)
    return "".join(csv_lines(lambda: all_rows))


def csv_lines(rows: Callable[[], Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield the lines of `csv_text`. `rows` is called twice, first for the columns, so no table is kept in memory."""
    columns = list(dict.fromkeys(key for row in rows() for key in row))
    buffer = StringIO()
    writer = csv.DictWriter(buffer, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    yield buffer.getvalue()
    for row in rows():
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(row)
        yield buffer.getvalue()
