"""The order of the classes of a data set: numbers in their names are in the order of the numbers."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE = re.compile(r"[+-]?[0-9]{1,100}")
"""A name of a class that is a whole number."""

DIGITS = re.compile(r"([0-9]{1,100})")
"""A number in a name."""

NUMBERED = re.compile(r"(.*?)([0-9]{1,100})", re.DOTALL)
"""A name with a number at its end."""

MOST_NAMED = 8
"""The number of labels that a message shows."""


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of classes in alphabetical order, with the numbers in them in the order of the numbers.

    >>> class_order(["10", "9", "2"]), class_order(["other", "10", "2"]), class_order(["class10", "class2"])
    (('2', '9', '10'), ('2', '10', 'other'), ('class2', 'class10'))
    """
    listed = list(names)
    if all(WHOLE.fullmatch(name) for name in listed):
        return tuple(sorted(listed, key=lambda name: (int(name), name)))
    return tuple(sorted(listed, key=lambda name: (*_pieces(name), (0, 0, name))))


def _pieces(name: str) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of a name, numbers before texts."""
    for piece in filter(None, DIGITS.split(name)):
        yield (1, int(piece), "") if DIGITS.fullmatch(piece) else (2, 0, piece)


def about_numbers(names: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence about classes with other numbers in their names than their class numbers.

    Names count that are whole numbers, or that differ from other names only in a number at their end.

    >>> about_numbers(["1", "5"])
    ("Class 0 has the name '1', class 1 the name '5'. Settings such as target take the class numbers 0 to 1.",)
    """
    parts = [NUMBERED.fullmatch(name) for name in names]
    texts = Counter(part[1] for part in parts if part)
    numbered = {
        number: int(part[2])
        for number, part in enumerate(parts)
        if part and (texts[part[1]] > 1 or WHOLE.fullmatch(names[number]))
    }
    pairs = [f"class {number} the name {names[number]!r}" for number, named in numbered.items() if named != number]
    if not pairs:
        return ()
    shown = shown_values(pairs).replace("class", "Class", 1).replace(" the name", " has the name", 1)
    return (f"{shown}. Settings such as target take the class numbers 0 to {len(names) - 1}.",)


def about_empty(names: Sequence[str], empty: Collection[str]) -> tuple[str, ...]:
    """Return a sentence about the classes that have a name but no row.

    >>> about_empty(["a", "b"], {"b"})
    ("No row has the class 1 ('b').",)
    """
    if not empty:
        return ()
    shown = shown_values([f"{number} ({name!r})" for number, name in enumerate(names) if name in empty])
    advice = " If the labels count from 1, subtract 1." if set(empty) == {names[0]} else ""
    return (f"No row has the class {shown}.{advice}",)


@dataclass(frozen=True)
class Categorical:
    """Labels of a file with their categories, as those of pandas.

    Args:
        values: the labels (n).
        categories: all categories in the order of the file.
        ordered: whether the file says that they have an order.
    """

    values: NDArray[Any]
    categories: tuple[str, ...]
    ordered: bool

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the labels."""
        return np.array(self.values, dtype=dtype, copy=copy)


def named_class(number: int, classes: Sequence[str]) -> str:
    """Return the name of a class for a result, or both its number and its name if that is another whole number.

    >>> named_class(1, ["cat", "dog"]), named_class(1, ["1", "2"]), named_class(1, ["0", "1"]), named_class(7, [])
    ('dog', "1 ('2')", '1', '7')
    """
    name = classes[number] if number < len(classes) else str(number)
    return f"{number} ({name!r})" if WHOLE.fullmatch(name) and name != str(number) else name


def categories_of(y: Any) -> tuple[str, ...]:
    """Return the categories of labels of pandas in the user's order; an empty tuple if pandas has sorted them.

    >>> import pandas as pd
    >>> categories_of(pd.Categorical(["low", "high"], categories=["low", "high"])), categories_of(["low", "high"])
    (('low', 'high'), ())
    """
    values = getattr(getattr(y, "cat", y), "categories", None)
    listed = [] if values is None else list(values)
    if not listed or not all(isinstance(each, str) for each in listed):
        return ()
    chosen = bool(getattr(getattr(y, "cat", y), "ordered", False)) or listed != sorted(listed)
    return tuple(each.strip() for each in listed) if chosen else ()


def shown_values(values: Sequence[Any]) -> str:
    """Return values for a sentence; only the first ones and the last one if there are many."""
    if len(values) <= MOST_NAMED:
        return ", ".join(map(str, values))
    return f"{', '.join(map(str, values[:3]))}, … {values[-1]}"
