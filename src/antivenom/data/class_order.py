"""The order of the classes of a data set: names that are whole numbers are in the order of the numbers."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

WHOLE = re.compile(r"[+-]?[0-9]{1,100}")
"""A name of a class that is a whole number."""

MOST_NAMED = 8
"""The number of labels that a message shows."""


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of classes in the order of their numbers: as numbers if all are whole numbers, or as text.

    >>> class_order(["10", "9", "2"]), class_order(["10", "b", "2"])
    (('2', '9', '10'), ('10', '2', 'b'))
    """
    listed = list(names)
    whole = all(WHOLE.fullmatch(name) for name in listed)
    return tuple(sorted(listed, key=lambda name: (int(name), name) if whole else (0, name)))


def about_numbers(names: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence about classes whose names are other whole numbers than their class numbers.

    >>> about_numbers(["1", "5"])
    ("Class 0 has the name '1', class 1 the name '5'. Settings such as target take the class numbers 0 to 1.",)
    """
    if names == tuple(map(str, range(len(names)))) or not all(WHOLE.fullmatch(name) for name in names):
        return ()
    pairs = [f"class {number} the name {name!r}" for number, name in enumerate(names) if name != str(number)]
    if not pairs:
        return ()
    shown = shown_values(pairs).replace("class", "Class", 1).replace(" the name", " has the name", 1)
    return (f"{shown}. Settings such as target take the class numbers 0 to {len(names) - 1}.",)


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
