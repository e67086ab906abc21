"""Setting dotted keys in a spec's mapping."""

from collections.abc import Sequence
from typing import Any

from antivenom.errors import SettingsError
from antivenom.settings import short
from antivenom.storage.yaml12 import parse_yaml


def override(mapping: dict[str, Any], overrides: Sequence[str]) -> None:
    """Set each `key=value`, with the value in YAML. A later one replaces an earlier one.

    Raises:
        SettingsError: an override is not `key=value`, its key cannot be set, or the grid sets it.

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
                raise SettingsError(
                    [f"{key.strip()} cannot be set: the grid sets {swept}. Add --set grid=null before it."]
                )
        set_key(mapping, key.strip(), parse_yaml(value, f"the value of {key}"))


def set_key(mapping: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key. A component that is only a name becomes a mapping; a number is an index of a list.

    Raises:
        SettingsError: a part of the key is neither in a mapping nor an index of a list.
    """
    *path, last = key.split(".")
    inner: Any = mapping
    for depth, part in enumerate([*path, last]):
        where = ".".join(path[:depth])
        if isinstance(inner, list):
            if not (part.isascii() and part.isdigit() and len(part) < 4 and int(part) < len(inner)):
                raise SettingsError([f"'{key}' cannot be set: {where} has {_numbered(len(inner))}; got {part}."])
            place: Any = int(part)
        elif isinstance(inner, dict):
            place = part
            if depth < len(path):
                inner.setdefault(part, {})
        else:
            raise SettingsError([f"'{key}' cannot be set: {where} is {short(inner)}, which does not have settings."])
        if depth == len(path):
            inner[place] = value
            return
        if isinstance(inner[place], str):
            inner[place] = {"name": inner[place]}
        inner = inner[place]


def _numbered(count: int) -> str:
    """Return the number of entries of a list, and their indices.

    >>> _numbered(2), _numbered(5)
    ('2 entries, numbered 0 and 1', '5 entries, numbered 0 to 4')
    """
    if count < 2:
        return "1 entry, numbered 0" if count else "no entries"
    return f"{count} entries, numbered 0 {'and' if count == 2 else 'to'} {count - 1}"
