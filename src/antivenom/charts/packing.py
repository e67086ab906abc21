"""Conversion of charts to JSON and arrays, and back. Reading checks every value against the types of the fields."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from antivenom.charts._checks import Array
from antivenom.charts.data import CHARTS, Chart
from antivenom.charts.typed import Reader, short
from antivenom.errors import DataError

TYPES: dict[str, type] = {kind.__name__: kind for kind in CHARTS}
MOST_CHARTS = 5000


def pack(charts: Mapping[str, Chart]) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """Return charts as a list for a JSON file, in their order, and the arrays to which the list refers.

    Args:
        charts: the charts by key, such as `scan.neural_cleanse.norms`.

    Raises:
        DataError: a chart contains a value that cannot be stored.

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
    """Return the charts from the results of `pack`. The content is not trusted.

    Raises:
        DataError: a type or field is unknown, a value has the wrong type, or an array is missing or has another shape.
    """
    if not isinstance(content, list) or len(content) > MOST_CHARTS:
        raise DataError(f"Charts must be a list of at most {MOST_CHARTS:,}; got {short(content)}.")
    charts: dict[str, Chart] = {}
    reader = Reader(dict(arrays), TYPES)
    for number, entry in enumerate(content):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            raise DataError(f"Chart {number} must be a mapping with a `key`; got {short(entry)}.")
        key = entry["key"]
        if key in charts:
            raise DataError(f"Charts must have different keys; got {short(key)} twice.")
        try:
            rest = {name: value for name, value in entry.items() if name != "key"}
            charts[key] = reader.make(rest, Chart, f"chart {short(key)}")
        except RecursionError as error:
            raise DataError(f"Chart {short(key)} is nested too deeply.") from error
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
        return plain.encode("utf-8", errors="replace").decode()  # file names may contain invalid Unicode
    if plain is None or isinstance(plain, bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise DataError(f"{where} must be text, a finite number, an array or a part of a chart; got {short(plain)}.")
