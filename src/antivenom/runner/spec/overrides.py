"""Setting dotted keys in a spec's mapping."""

from collections.abc import Sequence
from typing import Any

from antivenom.errors import SettingsError
from antivenom.settings import short
from antivenom.storage.yaml12 import parse_yaml


def override(mapping: dict[str, Any], overrides: Sequence[str]) -> None:
    """Set each `key=value`, the value in YAML, in order: the later wins.

    Raises:
        SettingsError: it is not `key=value`, its key cannot be set, or the grid sets it.

    >>> mapping = {"attack": "badnets"}
    >>> override(mapping, ["attack.rate=0.05"])
    >>> mapping
    {'attack': {'name': 'badnets', 'rate': 0.05}}
    """
    for each in overrides:
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise SettingsError([f"An override must be key=value; got {short(each)}."])
        grid = mapping.get("grid")
        for swept in grid if isinstance(grid, dict) else ():
            if f"{key.strip()}.".startswith(f"{swept}."):
                raise SettingsError([f"The grid sets {swept}. Take it out first: --set grid=null."])
        set_key(mapping, key.strip(), parse_yaml(value, f"the value of {key}"))


def set_key(mapping: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key: a name alone becomes a mapping on the way, and a number picks from a list.

    Raises:
        SettingsError: something on the way is neither a mapping nor a list.
    """
    *path, last = key.split(".")
    inner: Any = mapping
    for depth, part in enumerate([*path, last]):
        where = ".".join(path[:depth])
        if isinstance(inner, list):
            if not (part.isascii() and part.isdigit() and len(part) < 4 and int(part) < len(inner)):
                raise SettingsError(
                    [f"{where} is a list of {len(inner)}; '{key}' must name one by its number, from 0."]
                )
            place: Any = int(part)
        elif isinstance(inner, dict):
            place = part
            if depth < len(path):
                inner.setdefault(part, {})
        else:
            raise SettingsError([f"{where} is {short(inner)}; '{key}' cannot be set in it."])
        if depth == len(path):
            inner[place] = value
            return
        if isinstance(inner[place], str):
            inner[place] = {"name": inner[place]}
        inner = inner[place]
