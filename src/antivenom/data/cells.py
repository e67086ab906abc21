"""The cells of a table of text: numbers, missing values, decimal commas, and text that is not a formula."""

import re
from collections.abc import Sequence

MISSING = ("", "?", "-", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "missing", "unknown")
"""Texts that mean: no value. They are compared in lower case."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
"""A number with a decimal comma, such as 1,23."""

POINT = re.compile(r"[+-]?(?:\d*\.\d+(?:[eE][+-]?\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?)")
"""A number with a decimal point, or with points of thousands."""

FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""The beginning of a text that a spreadsheet takes for a formula, also in its wide forms, or of one that is marked."""

SIGNED = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
"""A number, which is not a formula."""


def safe_cell(text: str) -> str:
    """Return a text as the cell of a CSV file, with an apostrophe if a spreadsheet would take it for a formula.

    >>> safe_cell("=1+1"), safe_cell("-1.5"), safe_cell("-inf"), safe_cell("a=1")
    ("'=1+1", '-1.5', '-inf', 'a=1')
    """
    return f"'{text}" if FORMULA.match(text) and not SIGNED.fullmatch(text) else text


def cell_text(cell: str) -> str:
    """Return the text of a cell that `safe_cell` wrote. Other cells are returned as they are.

    >>> cell_text("'=1+1"), cell_text("'tis"), cell_text("'-1.5")
    ('=1+1', "'tis", "'-1.5")
    """
    return cell[1:] if cell[:1] == "'" and safe_cell(cell[1:]) == cell else cell


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
