"""Convert components to the content of a spec."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from antivenom.registry import name_of
from antivenom.settings.fields import Field, fields_of
from antivenom.settings.marks import LIVE, is_component


def describe(kind: str, component: Any) -> dict[str, Any]:
    """Return the plain mapping from which `build` makes the same component, including all defaults.

    >>> from antivenom.settings import build
    >>> describe("triggers", build("triggers", "patch", path="trigger"))
    {'name': 'patch', 'size': 3, 'position': 'bottom_right', 'value': 1.0, 'pattern': 'solid'}

    An object made in Python that is not a component has the name `live`. A spec cannot build it.
    """
    if not dataclasses.is_dataclass(component) or not is_component(type(component)):
        return {"name": LIVE, "type": f"{type(component).__module__}.{type(component).__qualname__}"}
    return {"name": name_of(kind, type(component)), **describe_fields(component)}


def is_live(described: Any) -> bool:
    """True if a description contains an object made in Python that is not a component: its settings are unknown."""
    if isinstance(described, dict):
        return described.get("name") == LIVE or any(map(is_live, described.values()))
    return isinstance(described, list) and any(map(is_live, described))


def describe_fields(component: Any) -> dict[str, Any]:
    """Return the same as `describe`, without the name."""
    return {field.name: _plain(field, getattr(component, field.name)) for field in fields_of(type(component))}


def codes_of(component: Any) -> Iterator[str]:
    """Yield the names of code in the settings of a component, such as `package.module:function`."""
    for field in fields_of(type(component)):
        if field.code and isinstance(value := getattr(component, field.name), str):
            yield value


def settings_of(cls: type[Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield each field's name, its allowed values in words, and its default (`dataclasses.MISSING` if required)."""
    for field in fields_of(cls):
        yield field.name, field.phrase, field.default


def _plain(field: Field, value: Any) -> Any:
    if field.kind and value is not None:
        return [describe(field.kind, item) for item in value] if field.many else describe(field.kind, value)
    return _listed(value)


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
