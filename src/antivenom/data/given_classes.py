"""The names of the classes as a caller gives them: in a list, in a mapping, or as their number."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from antivenom.errors import DataError

GivenClasses = Sequence[str] | Mapping[Any, Any] | int
"""The names of all classes in the order of their numbers; a mapping between names and numbers; or how many."""


def names_of(classes: Any) -> dict[int, str]:
    """Return the names of the classes by the labels that mean them, in the order of these labels.

    Args:
        classes: the names of the labels 0, 1, …; a mapping from names to labels or from labels to names; or the number
            of classes.

    Raises:
        DataError: the order of the names is not known, or a mapping does not give each name its own whole number.

    >>> names_of(["cat", "dog"]), names_of({"dog": 5, "cat": 1}), names_of(2)
    ({0: 'cat', 1: 'dog'}, {1: 'cat', 5: 'dog'}, {0: '0', 1: '1'})
    """
    if _is_number(classes):
        if classes < 1:
            raise DataError(f"classes must be at least 1; got {classes}.")
        return {number: str(number) for number in range(int(classes))}
    if isinstance(classes, Mapping):
        return _from_mapping(dict(classes))
    if isinstance(classes, set | frozenset):
        raise DataError("classes must be in the order of their numbers; got a set. Pass a list of the names.")
    if isinstance(classes, str | bytes | bool) or not hasattr(classes, "__iter__"):
        advice = "a list such as ['cat', 'dog'], or the number of classes"
        raise DataError(f"classes must be {advice}; got {classes!r}.")
    return dict(enumerate(map(str, classes)))


def _from_mapping(classes: dict[Any, Any]) -> dict[int, str]:
    """Return the names in a mapping between names and labels, which says itself which of the two is the key."""
    if all(isinstance(name, str) for name in classes):
        names = {number: name for name, number in classes.items() if _is_number(number)}
    elif all(isinstance(name, str) for name in classes.values()):
        names = {number: name for number, name in classes.items() if _is_number(number)}
    else:
        names = {}
    if not classes or len(names) != len(classes):
        raise DataError(
            f"classes must give each name its own whole number, such as {{'cat': 0, 'dog': 1}}; got {classes}."
        )
    return {int(number): names[number] for number in sorted(names)}


def _is_number(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
