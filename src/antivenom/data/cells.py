"""The cells of a table of text: numbers, missing values, decimal commas, and text that is not a formula."""

import re
from collections.abc import Sequence

MISSING = ("", "?", "-", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "missing", "unknown")
"""Texts that mean: no value. They are compared in lower case."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
"""A number with a decimal comma, such as 1,23."""

POINT = re.compile(r"[+-]?(?:\d*\.\d+(?:[eE][+-]?\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?)")
"""A number with a decimal point, or with points of thousands."""

CURRENCY = "(?:[$€£¥]|EUR|USD|GBP|CHF|JPY|CNY)"
"""Signs and codes of currencies."""

MARKS = (
    (r"[+-]?[\d.,]+\s*%", "signs %"),
    (rf"{CURRENCY}\s*[+-]?[\d.,]+|[+-]?[\d.,]+\s*{CURRENCY}", "currency"),
    (r"[+-]?\d{1,3}(?:\s\d{3})+(?:[.,]\d*)?", "spaces of thousands"),
    (r"[+-]?\d{1,3}(?:['’]\d{3})+(?:[.,]\d*)?", "apostrophes of thousands"),
    (r"[+-]?\d+(?:_\d+)+(?:[.,]\d*)?", "underscores"),
    (r"[+-]?\d{1,3}(?:\.\d{3})+,\d*|[+-]?\d{1,3}(?:\.\d{3}){2,}", "points"),
    (r"[+-]?\d{1,3}(?:,\d{3})+\.\d*|[+-]?\d{1,3}(?:,\d{3}){2,}", "commas"),
)
"""Numbers as people write them, with the marks that a reader of files does not take."""

THOUSANDS = {"points": ",", "commas": "."}
"""Marks of thousands, with the decimal mark that is used beside them."""

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


def number_in(cell: str, decimal: str = ".") -> float | None:
    """Return the finite number in a cell; None if there is none, or if it has marks of thousands.

    >>> number_in(" 1.5 "), number_in("1,5", ","), number_in("1.5", ","), number_in("1_000"), number_in("nan")
    (1.5, 1.5, None, None, None)
    """
    if decimal == ",":
        cell = cell.replace(",", ".", 1) if has_decimal_comma(cell) else cell if not has_point(cell) else ""
    try:
        number = float("" if "_" in cell else cell)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def number_hint(cell: str, decimal: str) -> str:
    """Return advice about a cell that a person reads as a number; empty text for other cells.

    >>> number_hint("0.50%", "."), number_hint("1 234", ".")
    (' Remove the signs %.', ' Remove the spaces of thousands.')
    """
    text = cell.strip()
    if text.lower() in ("true", "false"):
        return " Write truth values as 1 and 0."
    marks = next((marks for pattern, marks in MARKS if re.fullmatch(pattern, text)), None)
    if marks in THOUSANDS:
        mark = THOUSANDS[marks]
        return f" Remove the {marks} of thousands{'' if mark == decimal else f', and set decimal to {mark!r}'}."
    if marks:
        return f" Remove the {marks}."
    if decimal == "." and has_decimal_comma(text):
        both = re.fullmatch(r"[+-]?\d{1,3},\d{3}", text)
        return " If this is a number, set decimal to ','." + (" If its comma means thousands, remove it." * bool(both))
    if decimal == "," and has_point(text):
        return " The setting decimal is ','. If the point is the decimal mark, set decimal to '.'; if not, remove it."
    return ""


def is_number(cell: str) -> bool:
    """Return True if a cell is a number; `nan` and `inf` are not."""
    return number_in(cell) is not None


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
