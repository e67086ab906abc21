"""Reading JSON into dataclasses, with a check of every value against the type hints. Files are not trusted."""

import math
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from antivenom.charts._checks import Array
from antivenom.errors import DataError

T = TypeVar("T")

LARGEST = 10**300
"""The largest whole number in place of a float."""


class Reader:
    """A converter from JSON to values of a given type.

    Args:
        arrays: the arrays that the JSON may name as `{"array": NAME}`. Each may be named once, so that a small file
            cannot create many large values.
        kinds: the dataclasses for fields that allow several, by the name that the JSON gives as `type`.
    """

    def __init__(self, arrays: dict[str, Array] | None = None, kinds: dict[str, type] | None = None) -> None:
        self._arrays, self._kinds = dict(arrays or {}), dict(kinds or {})
        self._hints: dict[type, dict[str, Any]] = {}
        self._bases = {base for kind in self._kinds.values() for base in kind.__bases__}

    def read(self, value: Any, hint: Any, where: str) -> Any:
        """Return a JSON value converted to the type of a type hint.

        Raises:
            DataError: the value has another type.

        >>> Reader().read([1, 2], tuple[float, ...], "numbers")
        (1.0, 2.0)
        """
        origin = get_origin(hint)
        if origin in (Union, UnionType):
            options = [option for option in get_args(hint) if option is not NoneType]
            return None if value is None else self.read(value, options[0], where)
        if origin is Literal:
            if not isinstance(value, str) or value not in get_args(hint):
                raise DataError(f"{where} must be one of {get_args(hint)}; got {short(value)}.")
            return value
        if origin is tuple:
            if not isinstance(value, list):
                raise DataError(f"{where} must be a list; got {short(value)}.")
            part = get_args(hint)[0]
            return tuple(self.read(each, part, f"{where}[{place}]") for place, each in enumerate(value))
        if origin is np.ndarray:
            return self._array(value, where)
        if is_dataclass(hint) and isinstance(hint, type):
            return self.make(value, hint, where)
        return _plain(value, hint, where)

    def make(self, value: Any, kind: type[T], where: str) -> T:
        """Return a dataclass that is made from a mapping of its fields.

        Raises:
            DataError: a field is unknown, missing or of another type, or the dataclass raises a `DataError`.
        """
        if not isinstance(value, dict):
            raise DataError(f"{where} must be a mapping; got {short(value)}.")
        content = dict(value)
        if kind in self._bases:
            name = content.pop("type", None)
            if not isinstance(name, str) or name not in self._kinds:
                raise DataError(f"{where} must have a type, one of {', '.join(self._kinds)}; got {short(name)}.")
            kind = self._kinds[name]
        known = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
        if unknown := content.keys() - known.keys():
            raise DataError(f"{where}: {kind.__name__} has no field {short(min(unknown))}; it has {', '.join(known)}.")
        required = {name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING}
        if missing := required - content.keys():
            raise DataError(f"{where}: {kind.__name__} requires the field {min(missing)!r}, which is missing.")
        if kind not in self._hints:
            self._hints[kind] = get_type_hints(kind)
        hints = self._hints[kind]
        values = {name: self.read(each, hints[name], f"{where}.{name}") for name, each in content.items()}
        try:
            return kind(**values)
        except DataError as error:
            raise DataError(f"{where}: {error}") from error

    def _array(self, value: Any, where: str) -> Array:
        if not isinstance(value, dict) or value.keys() != {"array"} or not isinstance(value["array"], str):
            raise DataError(f'{where} must name an array as {{"array": NAME}}; got {short(value)}.')
        array = self._arrays.pop(value["array"], None)
        if array is None:
            raise DataError(f"{where}: the array {short(value['array'])} is missing, or is named twice.")
        if array.dtype.kind not in "biuf":
            raise DataError(f"{where} must be an array of numbers; got {array.dtype}.")
        return array


def short(value: object) -> str:
    """Return a value for a message, in ASCII and with at most 60 characters."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _plain(value: Any, hint: type, where: str) -> Any:
    fits = type(value) is hint or (hint is float and type(value) is int and abs(value) <= LARGEST)
    if not fits or (hint is float and not math.isfinite(value)):
        raise DataError(f"{where} must be {hint.__name__}; got {short(value)}.")
    return float(value) if hint is float else value
