"""Tables as text."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    r"""Rows as CSV; None, and a key that a row has not, are empty fields.

    >>> csv_text([{"cell": "a", "mean": 0.5}, {"cell": "b", "mean": None}])
    'cell,mean\na,0.5\nb,\n'
    """
    buffer = StringIO()
    writer = csv.DictWriter(
        buffer, fieldnames=list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
