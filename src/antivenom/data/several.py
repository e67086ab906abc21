"""Rows and labels of one data set, or of a training set and a test set, before their classes are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from antivenom.data.arrays import Channels, as_rows, column_names
from antivenom.data.class_order import categories_of, shown_values
from antivenom.data.labels import plain_labels
from antivenom.errors import DataError
from antivenom.shapes import Labels, Rows

FEWEST = 10
"""In fewer rows, a column can be equal to the labels by chance."""

Pair = tuple[ArrayLike | Tensor, ArrayLike | Tensor]


@dataclass(frozen=True)
class Part:
    """A pair of `x` and `y`, converted.

    Args:
        name: `x` for the training set, `x_test` for the test set.
        rows: the rows (n, ...).
        labels: the labels (n) as whole numbers or as text.
        width: the number of columns of one-hot labels; None for others.
        categories: the categories of labels of pandas, if their order is the user's.
        columns: the names of the columns of a table; empty if they are not known.
        assumptions: what was assumed about the rows, one sentence each.
    """

    name: str
    rows: Rows
    labels: NDArray[Any]
    width: int | None
    categories: tuple[str, ...]
    columns: tuple[str, ...]
    assumptions: tuple[str, ...]


def read_parts(pairs: Sequence[Pair], channels: Channels | None, columns: Sequence[str]) -> list[Part]:
    """Return the parts of several pairs: the first is the training set, the others are test sets.

    Raises:
        DataError: a part cannot be converted, or its rows and labels do not match.
    """
    return [_part(x, y, "x_test" if number else "x", channels, columns) for number, (x, y) in enumerate(pairs)]


def _part(
    x: ArrayLike | Tensor, y: ArrayLike | Tensor, name: str, channels: Channels | None, columns: Sequence[str]
) -> Part:
    rows, notes = as_rows(x, channels, name)
    about = name.replace("x", "y", 1)
    try:
        labels, width, of_labels = plain_labels(y)
    except DataError as error:
        raise error if name == "x" else DataError(f"{about}: {error}") from error
    if len(rows) != len(labels):
        raise DataError(
            f"{name} must have shape (n, ...) with at least one number per row, and {about} shape (n,); "
            f"got {tuple(rows.shape)} and {tuple(labels.shape)}."
        )
    _check_index(x, y, name, about)
    return Part(name, rows, labels, width, categories_of(y), tuple(columns) or column_names(x), (*notes, *of_labels))


def _check_index(x: Any, y: Any, name: str, about: str) -> None:
    """Refuse rows and labels of pandas with different indexes: they can match by place or by index.

    Raises:
        DataError: they have different indexes.
    """
    if not (hasattr(x, "iloc") and hasattr(y, "iloc")) or x.index.equals(y.index):
        return
    both = list(zip(x.index.tolist(), y.index.tolist(), strict=True))
    place = next(row for row, (one, other) in enumerate(both) if one != other)
    one, other = both[place]
    by_index = f" Pass {about}.loc[{name}.index] if rows with equal index match." if x.index.isin(y.index).all() else ""
    raise DataError(
        f"{name} and {about} have different indexes: row {place} has the index {one!r} in {name}, and "
        f"{other!r} in {about}. Pass {about}.to_numpy() if they match by their place.{by_index}"
    )


def check_test_labels(parts: Sequence[Part]) -> None:
    """Check that all labels of test sets also occur in the training set.

    Raises:
        DataError: others occur. They would change the numbers of the classes.
    """
    known = set(parts[0].labels.tolist())
    for part in parts[1:]:
        new = sorted(set(part.labels.tolist()) - known, key=str)
        if new and isinstance(new[0], str) == all(isinstance(label, str) for label in known):
            shown = shown_values([repr(label) for label in new])
            raise DataError(
                f"The test set has labels without training rows: {shown}. The training set has "
                f"{shown_values(list(map(repr, sorted(known, key=str))))}. Correct the labels, remove these test rows, "
                "or add training rows. In Python and in npz files, `classes` with the names of all classes allows it."
            )


def about_equal_columns(part: Part, y: Labels) -> tuple[str, ...]:
    """Return a sentence about each column of a table that says the class of all rows.

    Args:
        part: the rows.
        y: the class numbers (n).
    """
    if part.rows.ndim != 2 or len(y) < FEWEST:
        return ()
    classes, place = torch.unique(y, return_inverse=True)
    if len(classes) < 2:
        return ()
    first = torch.zeros(len(classes), dtype=torch.int64, device=place.device)
    first[place.flip(0)] = torch.arange(len(place), device=place.device).flip(0)
    of_class = part.rows[first]
    equal = (part.rows == of_class[place]).all(0).nonzero().flatten().tolist()
    same = [column for column in equal if len(torch.unique(of_class[:, column])) == len(classes)]
    names = [repr(part.columns[column]) if part.columns else str(column) for column in same]
    return tuple(
        f"The column {name} of {part.name} has a value of its own for each class, as if it were the labels, and is "
        "used. Leave it out if it is made from the labels."
        for name in names
    )
