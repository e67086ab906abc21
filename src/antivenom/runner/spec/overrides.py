"""Setting dotted keys in a spec's mapping."""

from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.errors import SettingsError
from antivenom.runner.spec.axes import SECTIONS
from antivenom.settings import short
from antivenom.storage.yaml12 import parse_yaml

MAX_DIGITS = 6
"""The most digits of the number of an entry."""


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
        key = key.strip()
        if not equals or not key:
            raise SettingsError([f"An override must be key=value; got {short(each)}."])
        content = parse_yaml(value, f"the value of {key}")
        section, dot, rest = key.partition(".")
        if dot and section in SECTIONS:
            _set_in_section(mapping, section, rest, content)
            continue
        _require_not_swept(mapping, key)
        set_key(mapping, key, content)


def _require_not_swept(mapping: Mapping[str, Any], key: str) -> None:
    """Raise an error if a sweep sets a key in every cell: then an override would be ignored."""
    sections = {name: mapping.get(name) for name in SECTIONS}
    axes = {each: name for name in ("grid", "zip") for each in sections[name] or () if isinstance(sections[name], dict)}
    include = sections["include"]
    if not axes and isinstance(include, list) and include and all(isinstance(entry, dict) for entry in include):
        axes = {each: "include" for each in include[0] if all(each in entry for entry in include)}
    for swept, section in axes.items():
        if f"{key}.".startswith(f"{swept}."):
            name = "the grid" if section == "grid" else section
            problem = f"{key} cannot be set: {name} sets {swept}. Add --set {section}=null before it."
            raise SettingsError([problem])


def _set_in_section(mapping: dict[str, Any], section: str, key: str, value: Any) -> None:
    """Set an axis of a sweep, such as `grid.attack.rate`, or a key of an entry, such as `include.0.attack.rate`.

    None removes an axis.

    Raises:
        SettingsError: the section has another form, or does not have the entry.
    """
    if section in ("include", "exclude"):
        entry, key = _entry(mapping, section, key)
        entry[key] = value
        return
    axes = mapping.get(section)
    axes = {} if axes is None else axes
    if not isinstance(axes, dict):
        raise SettingsError([f"'{section}.{key}' cannot be set: {section} is {short(axes)}, which does not have keys."])
    mapping[section] = {name: values for name, values in {**axes, key: value}.items() if values is not None} or None


def _entry(mapping: Mapping[str, Any], section: str, key: str) -> tuple[dict[str, Any], str]:
    """Return the entry of `include` or `exclude` that a key such as `0.attack.rate` names, and the rest of the key."""
    index, _, rest = key.partition(".")
    entries = mapping.get(section)
    if not (isinstance(entries, list) and index.isdecimal() and len(index) < MAX_DIGITS and rest):
        problem = f"'{section}.{key}' cannot be set. Use {section}=[{{KEY: VALUE}}], or {section}.NUMBER.KEY=VALUE."
        raise SettingsError([problem])
    if int(index) >= len(entries) or not isinstance(entries[int(index)], dict):
        raise SettingsError([f"'{section}.{key}' cannot be set: {section} has {_numbered(len(entries))}; got {index}."])
    return entries[int(index)], rest


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
