"""Tables as text."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import StringIO
from typing import Any


def csv_text(rows: Iterable[Mapping[str, Any]]) -> str:
    r"""Rows as CSV; None, and a key that a row lacks, are empty fields.

    >>> csv_text([{"cell": "a", "mean": 0.5}, {"cell": "b", "mean": None}])
    'cell,mean\na,0.5\nb,\n'
    """
    held = list(rows)
    return "".join(csv_lines(lambda: held))


def csv_lines(rows: Callable[[], Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """As `csv_text`, line by line: `rows` is called twice, once for the columns, so that no table is held in memory."""
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
