"""Columns that identify the rows of a table or only count them: they say nothing about a class."""

import re
from collections.abc import Sequence
from itertools import pairwise

from antivenom.data.cells import is_whole

INDEX_NAMES = frozenset({"", "unnamed: 0", "index", "id", "row", "row_id"})
"""Names of columns that count the rows, in lower case."""

COUNTED = 5
"""From this number of rows on, a first column 0, 1, 2, … without a name counts the rows."""

IDENTIFYING = 10
"""From this number of rows on, a column with the name of an identifier is checked."""

MANY_ROWS = 50
"""From this number of rows on, different whole numbers in all rows of a column identify the rows."""

FAR_APART = 10
"""In fewer rows, they identify the rows if the range is at least this many times as wide as the rows are many."""

LONGEST = 100
"""Whole numbers of more digits are not numbers."""

PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""The name of a column in which pandas stores the index of a table."""

_PLAIN = re.compile(r"(?:.*[\W_])?(?:id|uuid|guid|index|key)", re.IGNORECASE | re.DOTALL)
_CAMEL = re.compile(r".*[a-z](?:Id|ID|Index|Key|Uuid|UUID)", re.DOTALL)


def is_identifier_name(name: str) -> bool:
    """Return True for the name of an identifier.

    >>> [is_identifier_name(name) for name in ("id", "user_id", "PassengerId", "uuid", "humid")]
    [True, True, True, True, False]
    """
    plain = name.lower() in INDEX_NAMES or is_pandas_index(name)
    return plain or bool(_PLAIN.fullmatch(name) or _CAMEL.fullmatch(name))


def is_pandas_index(name: str) -> bool:
    """Return True for the name that pandas gives to an index without a name in a Parquet file.

    >>> is_pandas_index("__index_level_0__"), is_pandas_index("index")
    (True, False)
    """
    return bool(PANDAS_INDEX.fullmatch(name))


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


def numbers_identify(cells: Sequence[str]) -> bool:
    """Return True for a different whole number in each row, as identifiers have, in a column without a known name.

    In a table with few rows, the numbers must also be far apart or in equal steps.

    >>> numbers_identify([str(842302 + 217 * row) for row in range(10)]), numbers_identify(["3", "8", "5"] * 5)
    (True, False)
    """
    if len(cells) < IDENTIFYING or len(set(cells)) < len(cells) or not all(map(_is_plain_whole, cells)):
        return False
    numbers = list(map(int, cells))
    far_apart = max(numbers) - min(numbers) >= FAR_APART * len(cells)
    return len(cells) >= MANY_ROWS or far_apart or in_equal_steps(cells)


def in_equal_steps(cells: Sequence[str]) -> bool:
    """Return True for different whole numbers in equal steps, in any order.

    >>> in_equal_steps(["30", "10", "20"]), in_equal_steps(["10", "20", "40"])
    (True, False)
    """
    numbers = sorted(map(int, cells))
    steps = {high - low for low, high in pairwise(numbers)}
    return len(steps) == 1 and 0 not in steps


def counts_from(cells: Sequence[str]) -> int | None:
    """Return 0 or 1 if the cells are 0, 1, 2, … or 1, 2, 3, …; otherwise None."""
    start = int(cells[0]) if cells and cells[0] in ("0", "1") else None
    if start is None or list(cells) != list(map(str, range(start, start + len(cells)))):
        return None
    return start


def _is_plain_whole(cell: str) -> bool:
    """Return True for a whole number of usual length in decimal digits, without a point."""
    return len(cell) <= LONGEST and cell.removeprefix("-").isdecimal()


def _is_fraction(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return not is_whole(cell)
