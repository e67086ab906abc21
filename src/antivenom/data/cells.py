"""The cells of a table of text: numbers, missing values, and decimal commas."""

import re
from collections.abc import Sequence

MISSING = ("", "?", "-", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "missing", "unknown")
"""Texts that mean: no value. They are compared in lower case."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
"""A number with a decimal comma, such as 1,23."""

POINT = re.compile(r"[+-]?(?:\d*\.\d+(?:[eE][+-]?\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?)")
"""A number with a decimal point, or with points of thousands."""


def is_missing(cell: str, missing: Sequence[str] = MISSING) -> bool:
    """Return True if a cell has no value.

    >>> is_missing(" NaN "), is_missing("0")
    (True, False)
    """
    return cell.strip().lower() in missing


def is_number(cell: str) -> bool:
    """Return True if a cell is a number; `nan` and `inf` are not."""
    try:
        return abs(float(cell)) < float("inf")
    except ValueError:
        return False


def is_whole(cell: str) -> bool:
    """Return True if a cell is a whole number.

    >>> is_whole("2"), is_whole("2.0"), is_whole("2.5")
    (True, True, False)
    """
    return is_number(cell) and float(cell).is_integer()


def has_decimal_comma(cell: str) -> bool:
    """Return True for a number with a decimal comma.

    >>> has_decimal_comma("1,23"), has_decimal_comma("a,b")
    (True, False)
    """
    return bool(DECIMAL_COMMA.fullmatch(cell.strip()))


def has_point(cell: str) -> bool:
    """Return True for a number with a decimal point or with points of thousands.

    >>> has_point("1.5"), has_point("1.234,5"), has_point("31.12.2025")
    (True, True, False)
    """
    return bool(POINT.fullmatch(cell.strip()))


def with_points(cells: Sequence[str]) -> list[str]:
    """Return cells with a decimal point in place of the decimal comma of each number.

    >>> with_points(["1,5", "a,b", "2"])
    ['1.5', 'a,b', '2']
    """
    return [cell.replace(",", ".") if has_decimal_comma(cell) else cell for cell in cells]
