"""Columns that identify the rows of a table or only count them: they say nothing about a class."""

import re
from collections.abc import Sequence

from antivenom.data.cells import is_whole

INDEX_NAMES = frozenset({"", "unnamed: 0", "index", "id", "row", "row_id"})
"""Names of columns that count the rows, in lower case."""

COUNTED = 5
"""From this number of rows on, a first column 0, 1, 2, … without a name counts the rows."""

IDENTIFYING = 10
"""From this number of rows on, a column with the name of an identifier is checked."""

_PLAIN = re.compile(r"(?:.*[\W_])?(?:id|uuid|guid|index|key)", re.IGNORECASE | re.DOTALL)
_CAMEL = re.compile(r".*[a-z](?:Id|ID|Index|Key|Uuid|UUID)", re.DOTALL)


def is_identifier_name(name: str) -> bool:
    """Return True for the name of an identifier.

    >>> [is_identifier_name(name) for name in ("id", "user_id", "PassengerId", "uuid", "humid")]
    [True, True, True, True, False]
    """
    return name.lower() in INDEX_NAMES or bool(_PLAIN.fullmatch(name) or _CAMEL.fullmatch(name))


def mostly_different(cells: Sequence[object]) -> bool:
    """Return True if the values of a column identify its rows: more than half of the rows have different values.

    In a table with few rows, all values must be different.

    >>> mostly_different(["Ann", "Bob", "Cy"]), mostly_different(["ill", "well", "ill"]), mostly_different(["a", "b"])
    (True, False, False)
    """
    different = len(set(cells))
    return 2 * different > len(cells) if len(cells) >= IDENTIFYING else 2 < different == len(cells)


def identifies(name: str, cells: Sequence[str]) -> bool:
    """Return True for a column with the name of an identifier, and whole numbers or text that are mostly different.

    >>> identifies("user_id", [str(7 * row) for row in range(10)]), identifies("user_id", ["1", "2"] * 5)
    (True, False)
    """
    if len(cells) < IDENTIFYING or not is_identifier_name(name) or not mostly_different(cells):
        return False
    return name.lower() in INDEX_NAMES or not any(_is_fraction(cell) for cell in cells)


def counts_from(cells: Sequence[str]) -> int | None:
    """Return 0 or 1 if the cells are 0, 1, 2, … or 1, 2, 3, …; otherwise None."""
    start = int(cells[0]) if cells and cells[0] in ("0", "1") else None
    if start is None or list(cells) != list(map(str, range(start, start + len(cells)))):
        return None
    return start


def _is_fraction(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return not is_whole(cell)
