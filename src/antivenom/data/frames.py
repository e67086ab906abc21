"""Rows from a table of pandas or polars: one number in each cell, or a message that names the columns."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.data.numeric import Unusable, as_sample, unfit
from antivenom.errors import DataError


def is_frame(values: object) -> bool:
    """Return True for a table of pandas or polars.

    >>> is_frame(np.zeros((2, 2)))
    False
    """
    columns = getattr(values, "columns", None)
    return columns is not None and (hasattr(values, "iloc") or hasattr(values, "get_columns"))


def columns_of(frame: Any, table: str = "x") -> dict[str, NDArray[Any]]:
    """Return the columns of a table as arrays (n) of numbers, by their names. Truth values become 0 and 1.

    Raises:
        DataError: columns do not have one number in each row; all are named.
    """
    named = dict(_columns(frame))
    reasons = {name: has for name, values in named.items() if (has := unfit(values))}
    if reasons:
        listed = ", ".join(f"{name!r} has {has}" for name, has in reasons.items())
        advice = []
        if any(has.startswith("no value") for has in reasons.values()):
            advice.append("fill missing values, or drop their rows")
        if any(not has.startswith("no value") for has in reasons.values()):
            advice.append("make them numbers, such as one column of 0 and 1 for each text")
        raise DataError(
            f"These columns of {table} cannot be features: {listed}. Drop them, for example "
            f"{table}.drop(columns={list(reasons)}), or {', or '.join(advice)}."
        )
    return {name: np.asarray(values) for name, values in named.items()}


def about_identifiers(columns: dict[str, NDArray[Any]]) -> tuple[str, ...]:
    """Return a sentence about each column that seems to identify or count the rows.

    >>> about_identifiers({"user_id": np.arange(12) * 7 % 12, "a": np.ones(12)})
    ("Column 0 ('user_id') seems to identify or count the rows, and is used. Drop it if it identifies rows.",)
    """
    return as_sample(columns).about_used(range(len(columns)), advice="Drop it if it identifies rows.")


def _columns(frame: Any) -> Iterator[tuple[str, NDArray[Any] | Unusable]]:
    """Yield the columns by name, or by name and number if a name occurs several times."""
    names = [str(name) for name in frame.columns]
    series = [frame.iloc[:, number] for number in range(len(names))] if hasattr(frame, "iloc") else frame.get_columns()
    for number, (name, values) in enumerate(zip(names, series, strict=True)):
        yield (name if names.count(name) == 1 else f"{name} (column {number})"), _numbers(values)


def _numbers(series: Any) -> NDArray[Any] | Unusable:
    """Return a column as numbers, also if its type allows missing values, or the reason why there are none."""
    missing = int(np.sum(series.isna())) if hasattr(series, "isna") else int(series.null_count())
    if missing:
        return Unusable(f"no value in {missing:,} of {len(series):,} rows")
    array = np.asarray(series)
    if array.dtype.kind == "O" and all(isinstance(each, int | float | np.number | np.bool_) for each in array.tolist()):
        array = np.array(array.tolist())
    if array.dtype.kind in "buif" and array.ndim == 1:
        return array
    kind = str(series.dtype)
    if array.dtype.kind in "mM":
        return Unusable(f"dates or times ({kind})")
    texts = array.dtype.kind == "U" or any(isinstance(each, str) for each in array.ravel()[:1000].tolist())
    return Unusable("text" if texts else f"values of the type {kind}")
