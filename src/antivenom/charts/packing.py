"""Charts as JSON and arrays, and back; what comes back is held to the types that the charts' own fields have."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from antivenom.charts._checks import Array
from antivenom.charts.data import CHARTS, Chart
from antivenom.errors import DataError

TYPES = {kind.__name__: kind for kind in CHARTS}
MOST_CHARTS = 5000


def pack(charts: Mapping[str, Chart]) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """Charts as a list for a JSON file, in their order, and the arrays that it names.

    Args:
        charts: by key, such as `scan.neural_cleanse.norms`.

    Raises:
        DataError: a chart holds something that its type does not allow.

    >>> from antivenom.charts import Histogram, Values, column
    >>> content, arrays = pack({"model.scores": Histogram(name="scores", groups=(Values(values=column([1, 2])),))})
    >>> content
    [{'key': 'model.scores', 'type': 'Histogram', 'name': 'scores', 'groups': [{'values': {'array': '0'}}]}]
    >>> list(unpack(content, arrays))
    ['model.scores']
    """
    arrays: dict[str, Array] = {}
    return [{"key": key, **_packed(chart, key, arrays)} for key, chart in charts.items()], arrays


def unpack(content: object, arrays: Mapping[str, Array]) -> dict[str, Chart]:
    """Charts from what `pack` gave; nothing in it is trusted.

    Raises:
        DataError: an unknown type or field, a value of another type, an array that is missing or has another shape.
    """
    if not isinstance(content, list) or len(content) > MOST_CHARTS:
        raise DataError(f"Charts must be a list of at most {MOST_CHARTS:,}; got {_short(content)}.")
    charts: dict[str, Chart] = {}
    unused = dict(arrays)
    for number, entry in enumerate(content):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            raise DataError(f"Chart {number} must be a mapping with a `key`; got {_short(entry)}.")
        key = entry["key"]
        if key in charts:
            raise DataError(f"Two charts are called {_short(key)}.")
        try:
            rest = {name: value for name, value in entry.items() if name != "key"}
            charts[key] = _unpacked(rest, Chart, f"chart {_short(key)}", unused)
        except RecursionError as error:
            raise DataError(f"Chart {_short(key)} is nested too deeply.") from error
    return charts


def _packed(value: Any, where: str, arrays: dict[str, Array]) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"type": type(value).__name__} if isinstance(value, Chart) else {}
        if kind and kind["type"] not in TYPES:
            raise DataError(f"{where} must be one of {', '.join(TYPES)}; got {kind['type']}.")
        kept = {
            each.name: _packed(vars(value)[each.name], f"{where}.{each.name}", arrays)
            for each in fields(value)
            if vars(value)[each.name] is not each.default
        }
        return {**kind, **kept}
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {"array": name}
    if isinstance(value, tuple | list):
        return [_packed(each, f"{where}[{place}]", arrays) for place, each in enumerate(value)]
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, str):
        return plain.encode("utf-8", errors="replace").decode()  # a file's name may be no Unicode
    if plain is None or isinstance(plain, bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise DataError(f"{where} must be text, a finite number, an array or a part of a chart; got {_short(plain)}.")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _unpacked(value: Any, hint: Any, where: str, arrays: dict[str, Array]) -> Any:
    """A value as the type hint wants it."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        options = [option for option in get_args(hint) if option is not NoneType]
        return None if value is None else _unpacked(value, options[0], where, arrays)
    if origin is Literal:
        if not isinstance(value, str) or value not in get_args(hint):
            raise DataError(f"{where} must be one of {get_args(hint)}; got {_short(value)}.")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise DataError(f"{where} must be a list; got {_short(value)}.")
        part = get_args(hint)[0]
        return tuple(_unpacked(each, part, f"{where}[{place}]", arrays) for place, each in enumerate(value))
    if origin is np.ndarray:
        return _array(value, where, arrays)
    if is_dataclass(hint) and isinstance(hint, type):
        return _made(value, hint, where, arrays)
    return _plain(value, hint, where)


def _made(value: Any, kind: type, where: str, arrays: dict[str, Array]) -> Any:
    """A chart, or a part of one, from a mapping of its fields."""
    if not isinstance(value, dict):
        raise DataError(f"{where} must be a mapping; got {_short(value)}.")
    given = dict(value)
    if kind is Chart:
        name = given.pop("type", None)
        if not isinstance(name, str) or name not in TYPES:
            raise DataError(f"{where} must have a type, one of {', '.join(TYPES)}; got {_short(name)}.")
        kind = TYPES[name]
    known = {each.name: each for each in fields(kind)}
    if unknown := given.keys() - known.keys():
        raise DataError(f"{where}: {kind.__name__} has no field {_short(min(unknown))}.")
    needed = {name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING}
    if absent := needed - given.keys():
        raise DataError(f"{where}: {kind.__name__} needs the field {min(absent)!r}.")
    hints = _hints(kind)
    made = {name: _unpacked(each, hints[name], f"{where}.{name}", arrays) for name, each in given.items()}
    try:
        return kind(**made)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _array(value: Any, where: str, arrays: dict[str, Array]) -> Array:
    """The array that is named; each may be named once, so that a small file cannot make many large charts."""
    if not isinstance(value, dict) or value.keys() != {"array"} or not isinstance(value["array"], str):
        raise DataError(f"{where} must name an array; got {_short(value)}.")
    array = arrays.pop(value["array"], None)
    if array is None:
        raise DataError(f"{where}: the array {_short(value['array'])} is missing, or named twice.")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} must be an array of numbers; got {array.dtype}.")
    return array


def _plain(value: Any, hint: type, where: str) -> Any:
    fits = type(value) is hint or (hint is float and type(value) is int)
    if not fits or (hint is float and not math.isfinite(value)):
        raise DataError(f"{where} must be {hint.__name__}; got {_short(value)}.")
    return float(value) if hint is float else value


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
