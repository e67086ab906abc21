"""Rows from the columns of a table of numbers, and columns that only identify its rows."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.data.arrays import EXACT
from antivenom.data.columns import LABEL_NAMES
from antivenom.data.identifiers import IDENTIFYING, INDEX_NAMES, is_identifier_name, mostly_different
from antivenom.errors import DataError

PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""The name of a column in which pandas stores the index of a table."""

LIKELY = LABEL_NAMES | {"y", "species", "diagnosis", "outcome"}
"""Words in the names of columns that can be the labels, in lower case."""


def rows_from_columns(
    columns: Mapping[str, NDArray[Any]], ignore: Sequence[str] | None
) -> tuple[NDArray[np.float32], tuple[str, ...], tuple[str, ...]]:
    """Return the rows (n, columns) of a table, the names of their columns, and the assumptions about it.

    Args:
        columns: an array (n) of numbers for each column, by its name.
        ignore: the columns to leave out; None for those that only count the rows.

    Raises:
        DataError: a column does not contain a finite number in each row, or can be an identifier.

    >>> rows, names, assumptions = rows_from_columns({"index": np.arange(3), "a": np.ones(3)}, None)
    >>> rows.shape, names, assumptions
    ((3, 1), ('a',), ("Column 'index' counts the rows, so it is left out. Set ignore to [] to use it.",))
    """
    left_out, assumptions = _identifying(columns) if ignore is None else (tuple(ignore), ())
    absent = [name for name in left_out if name not in columns]
    if absent:
        raise DataError(f"There is no column {absent[0]!r} to ignore. The columns are: {', '.join(columns)}.")
    used = {name: _checked(name, values) for name, values in columns.items() if name not in left_out}
    if not used:
        raise DataError("The table must have at least one column of numbers besides the labels; it has none.")
    large = [name for name in used if _is_large(columns[name])]
    if large:
        shown = ", ".join(map(repr, large))
        assumptions += (
            f"The column {shown} has numbers above {EXACT:,}, which float32 rounds. Scale it to keep them.",
        )
    return np.stack(list(used.values()), axis=1), tuple(used), assumptions


def label_hint(names: Sequence[str]) -> str:
    """Return advice that names the columns that can be the labels; empty text if there are none.

    >>> label_hint(["a", "fine_label"])
    " Set label to 'fine_label' if it contains the labels."
    """
    likely = [name for name in names if LIKELY & set(re.split(r"[\W_]+", name.lower()))]
    return f" Set label to {' or '.join(map(repr, likely))} if it contains the labels." if likely else ""


def _identifying(columns: Mapping[str, NDArray[Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that count the rows or are an index of pandas, and a sentence about each."""
    left_out, notes = [], []
    for name, values in columns.items():
        if PANDAS_INDEX.fullmatch(name):
            left_out.append(name)
            notes.append(f"Column {name!r} is an index of pandas, so it is left out. Set ignore to [] to use it.")
        elif _counts(name, values):
            left_out.append(name)
            notes.append(f"Column {name!r} counts the rows, so it is left out. Set ignore to [] to use it.")
    for name, values in columns.items():
        if name not in left_out and _identifies(name, values):
            shown = ", ".join([*left_out, name])
            raise DataError(
                f"The column {name!r} has a different value in each row or most rows, as an identifier has. Set "
                f"ignore to [{shown}] to leave it out, or to [] to use it."
            )
    return tuple(left_out), tuple(notes)


def _counts(name: str, values: NDArray[Any]) -> bool:
    """Return True for a column with the name of an identifier that counts the rows."""
    if not is_identifier_name(name) or not len(values) or values[0] not in (0, 1):
        return False
    return np.array_equal(values, np.arange(len(values)) + values[0])


def _identifies(name: str, values: NDArray[Any]) -> bool:
    """Return True for a column with the name of an identifier, and values that are mostly different."""
    if not is_identifier_name(name) or len(values) < IDENTIFYING or not mostly_different(values.tolist()):
        return False
    return name.lower() in INDEX_NAMES or values.dtype.kind in "ui"


def _checked(name: str, values: NDArray[Any]) -> NDArray[np.float32]:
    """Return a column as float32."""
    if values.ndim != 1 or values.dtype.kind not in "buif":
        shown = "lists" if values.ndim > 1 else str(values.dtype)
        raise DataError(f"The column {name!r} must contain one number in each row; got {shown}. Convert or ignore it.")
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise DataError(f"The column {name!r} must contain finite float32 numbers; row {row} has {values[row]}.")
    return numbers


def _is_large(values: NDArray[Any]) -> bool:
    return bool(values.dtype.kind in "ui" and values.size and max(abs(int(values.min())), int(values.max())) > EXACT)
