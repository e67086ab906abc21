"""Describe types in messages: `Rate` is "a number in [0, 1]"."""

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Interval

from antivenom.settings.marks import Meaning


def phrase_of(hint: Any, *, bounds_only: bool = False) -> str:
    """Return the allowed values of this type in words.

    >>> phrase_of(Annotated[int, Interval(ge=1)] | None)
    'a whole number at least 1 or null'
    >>> phrase_of(Annotated[float, Interval(gt=0.0, le=0.5)])
    'a number in (0, 0.5]'
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = " and ".join(_bounds(mark) for mark in arguments[1:] if isinstance(mark, Interval))
        if bounds and bounds_only:
            return bounds
        meaning = next((mark.words for mark in arguments[1:] if isinstance(mark, Meaning)), None)
        return f"{meaning or phrase_of(arguments[0])}{', ' if meaning and bounds else ' '}{bounds}".strip()
    if origin in (Union, types.UnionType):
        return " or ".join(phrase_of(member, bounds_only=bounds_only) for member in arguments)
    if origin is Literal:
        return "one of " + ", ".join(repr(item) for item in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list, each {phrase_of(arguments[0])}"
        return f"a list of {len(arguments)}: {', '.join(phrase_of(item) for item in arguments)}"
    if origin is Mapping:
        return "a mapping"
    words = {float: "a number", int: "a whole number", str: "text", bool: "true or false", type(None): "null"}
    return words.get(hint, f"a {getattr(hint, '__name__', hint)}")


def _bounds(mark: Interval) -> str:
    low = _number(mark.ge if mark.ge is not None else mark.gt)
    high = _number(mark.le if mark.le is not None else mark.lt)
    if low is not None and high is not None:
        left, right = "[" if mark.ge is not None else "(", "]" if mark.le is not None else ")"
        return f"in {left}{low}, {high}{right}"
    if low is not None:
        return f"at least {low}" if mark.ge is not None else f"above {low}"
    return f"at most {high}" if mark.le is not None else f"below {high}"


def _number(bound: Any) -> Any:
    """Return a bound as it is written: 0.0 as 0, because `typing` of Python 3.11 does not distinguish them."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def join_path(path: str, key: object) -> str:
    """Return the dotted path of a key, such as `attack.rate`; only the key at the top level."""
    return f"{path}.{key}" if path else str(key)


def short(value: object, limit: int = 60) -> str:
    """Return the `repr` in one line, cut to `limit` characters; the type's name for an object that cannot make it."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - the `__repr__` of a user's class may raise anything
        text = f"<{type(value).__name__}>"
    text = " ".join(text.split()) if "\n" in text else text
    return text if len(text) <= limit else text[: limit - 1] + "…"
