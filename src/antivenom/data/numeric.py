"""Rows from the columns of a table of numbers, such as a Parquet file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.data.columns import LABEL_NAMES
from antivenom.data.exact import about_rounding
from antivenom.data.features import IDENTIFYING, Sample
from antivenom.errors import DataError
from antivenom.registry import did_you_mean

ROWS = 1000
"""The number of rows in which identifiers are searched."""

LIKELY = LABEL_NAMES | {"y", "species", "diagnosis", "outcome"}
"""Words in the names of columns that can be the labels, in lower case."""


@dataclass(frozen=True)
class Unusable:
    """A column that cannot be a feature. `has` says what it has instead of numbers, such as `text`."""

    has: str


TableColumns = Mapping[str, NDArray[Any] | Unusable]
"""The columns of a table by their names: an array (n), or the reason why there is none."""


def rows_from_columns(
    columns: TableColumns, ignore: Sequence[str] | None
) -> tuple[NDArray[np.float32], tuple[str, ...], tuple[str, ...]]:
    """Return the rows (n, columns) of a table, the names of their columns, and the assumptions about it.

    Args:
        columns: an array (n) of numbers for each column, by its name.
        ignore: the columns to leave out besides those that only count the rows; an empty list to use all.

    Raises:
        DataError: columns do not contain a finite number in each row, or can be identifiers; all are named.

    >>> rows, names, assumptions = rows_from_columns({"index": np.arange(3), "a": np.ones(3)}, None)
    >>> rows.shape, names, assumptions
    ((3, 1), ('a',), ("Column 0 ('index') counts the rows, so it is left out. Set ignore to [] to use it.",))
    """
    absent = [name for name in ignore or () if name not in columns]
    if absent:
        hint = did_you_mean(absent[0], columns)
        raise DataError(f"There is no column {absent[0]!r} to ignore. The columns are: {', '.join(columns)}.{hint}")
    problems = column_problems(columns, ignore)
    if problems:
        raise DataError(problems)
    sample = as_sample(columns)
    left_out, used = _divided(sample, ignore)
    if not used:
        raise DataError("The table must have at least one column of numbers besides the labels; it has none.")
    arrays = [np.asarray(columns[sample.names[number]]) for number in used]
    names = tuple(sample.names[number] for number in used)
    assumptions = sample.about_used(used) + sample.about_left_out(
        [number for number in left_out if sample.names[number] not in (ignore or ())], ignore
    )
    for name, values in zip(names, arrays, strict=True):
        assumptions += about_rounding(
            values, f"The column {name!r}", otherwise=f"set ignore to {[name]} to leave it out"
        )
    return np.stack([values.astype(np.float32) for values in arrays], axis=1), names, assumptions


def column_problems(columns: TableColumns, ignore: Sequence[str] | None) -> str:
    """Return a sentence about all columns that cannot be features, and the setting; empty text if there are none.

    >>> column_problems({"day": Unusable("dates"), "a": np.ones(3)}, None)
    "These columns cannot be features: 'day' has dates. Set ignore to ['day'] to leave them out."
    """
    sample = as_sample(columns)
    left_out, used = _divided(sample, ignore)
    identifiers = sample.identifying(used)
    wrong = {name: has for number in used if (has := unfit(columns[name := sample.names[number]]))}
    identifying = {sample.names[number]: IDENTIFYING for number in (identifiers if ignore is None else [])}
    counting = [(sample.names[number], start) for number, start in sample.counting() if number in left_out]
    stopped = {
        name: has
        for name, start in counting
        if name not in (ignore or ()) and (has := _stops_counting(columns[name], start))
    }
    reasons = {**wrong, **identifying, **stopped}
    if not reasons:
        return ""
    listed = ", ".join(f"{name!r} has {reasons[name]}" for name in columns if name in reasons)
    out = {*left_out, *sample.advised(used)}
    advised = [name for number, name in enumerate(sample.names) if number in out or name in reasons]
    keep = "" if wrong else ", or to [] to use all"
    return f"These columns cannot be features: {listed}. Set ignore to {advised} to leave them out{keep}."


def likely_labels(names: Sequence[str]) -> list[str]:
    """Return the columns whose names say that they can be the labels.

    >>> likely_labels(["a", "fine_label"])
    ['fine_label']
    """
    return [name for name in names if LIKELY & set(re.split(r"[\W_]+", name.lower()))]


def label_hint(names: Sequence[str]) -> str:
    """Return advice that names the columns that can be the labels; empty text if there are none.

    >>> label_hint(["a", "fine_label"])
    " Set label to 'fine_label' if it contains the labels."
    """
    likely = likely_labels(names)
    return f" Set label to {' or '.join(map(repr, likely))} if it contains the labels." if likely else ""


def _divided(sample: Sample, ignore: Sequence[str] | None) -> tuple[tuple[int, ...], list[int]]:
    """Return the numbers of the columns that are left out, and of those that are used."""
    named = tuple(number for number, name in enumerate(sample.names) if name in (ignore or ()))
    left_out = tuple(sorted({*named, *sample.left_out(ignore)}))
    return left_out, [number for number in range(len(sample.names)) if number not in left_out]


def as_sample(columns: TableColumns) -> Sample:
    """Return the first rows as text; no cells for columns that have no numbers."""
    cells = []
    for values in columns.values():
        first = [] if isinstance(values, Unusable) or values.ndim != 1 else values[:ROWS].tolist()
        cells.append([str(int(each) if isinstance(each, bool) else each) for each in first])
    return Sample(tuple(columns), cells)


def _stops_counting(values: NDArray[Any] | Unusable, start: int) -> str:
    """Return what a column has that counts only the first rows; empty text if it counts all."""
    counted = np.asarray(values) == np.arange(len(np.asarray(values))) + start
    return "" if counted.all() else f"the numbers of the rows only up to row {int(counted.argmin()) - 1}"


def unfit(values: NDArray[Any] | Unusable) -> str:
    """Return what a column has instead of a finite number in each row; empty text if it has them."""
    if isinstance(values, Unusable):
        return values.has
    if values.ndim != 1 or values.dtype.kind not in "buif":
        return "lists" if values.ndim > 1 else str(values.dtype)
    with np.errstate(over="ignore"):
        wrong = np.flatnonzero(~np.isfinite(values.astype(np.float32)))
    return f"{values[wrong[0]]} in row {wrong[0]}, which is not a finite float32 number" if len(wrong) else ""
