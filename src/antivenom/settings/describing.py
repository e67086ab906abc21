"""Components written back as what a spec says of them."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from antivenom.registry import name_of
from antivenom.settings.fields import Field, fields_of
from antivenom.settings.marks import LIVE, is_component


def describe(kind: str, made: Any) -> dict[str, Any]:
    """The plain mapping that `build` makes the same component from, every default written out.

    >>> from antivenom.settings import build
    >>> describe("triggers", build("triggers", "patch", path="trigger"))
    {'name': 'patch', 'size': 3, 'position': 'bottom_right', 'value': 1.0, 'pattern': 'solid'}

    Something made in Python that is no component is named `live`; no spec can make it again.
    """
    if not dataclasses.is_dataclass(made) or not is_component(type(made)):
        return {"name": LIVE, "type": f"{type(made).__module__}.{type(made).__qualname__}"}
    return {"name": name_of(kind, type(made)), **describe_fields(made)}


def is_live(described: Any) -> bool:
    """Whether something in a description was made in Python and is no component, so that its settings are not known."""
    if isinstance(described, dict):
        return described.get("name") == LIVE or any(map(is_live, described.values()))
    return isinstance(described, list) and any(map(is_live, described))


def describe_fields(made: Any) -> dict[str, Any]:
    """As `describe`, without the name."""
    return {field.name: _plain(field, getattr(made, field.name)) for field in fields_of(type(made))}


def codes_of(made: Any) -> Iterator[str]:
    """The names of code that a component's own settings hold, such as `package.module:function`."""
    for field in fields_of(type(made)):
        if field.code and isinstance(value := getattr(made, field.name), str):
            yield value


def settings_of(cls: type[Any]) -> Iterator[tuple[str, str, Any]]:
    """Each field's name, what it must be, and its default (`dataclasses.MISSING` where it must be given)."""
    for field in fields_of(cls):
        yield field.name, field.phrase, field.default


def _plain(field: Field, value: Any) -> Any:
    if field.kind and value is not None:
        return [describe(field.kind, item) for item in value] if field.many else describe(field.kind, value)
    return _listed(value)


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value
