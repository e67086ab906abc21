"""Check annotations of fields. A message for an unsupported annotation tells what to write instead."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from antivenom.registry import KINDS, did_you_mean
from antivenom.settings.marks import Component, is_component

PLAIN = (str, int, float, bool, type(None), list, tuple, dict, Sequence, Mapping, object, Any)
"""The types of values in a spec, and `object` and `Any`."""


def annotation_problem(where: str, hint: Any, kind: str | None) -> str | None:
    """Return the problem of a field's annotation, or None if it is valid.

    Args:
        where: the class and the field, such as `MyAttack.trigger`.
        hint: the annotation.
        kind: the kind of component in the field's mark; None without a mark at a supported position.
    """
    if kind is not None and kind not in KINDS:
        rest = did_you_mean(kind, KINDS) or f" Use one of: {', '.join(KINDS)}."
        return f'{where}: Component("{kind}") must name a kind.{rest}'
    if kind is not None:
        return _misplaced(where, kind) if _marks_a_list(hint) else None
    for leaf in _leaves(hint):
        if isinstance(leaf, Component):
            return _misplaced(where, leaf.kind)
        if is_component(leaf) or _is_protocol(leaf):
            return unmarked(where, leaf, several=get_origin(hint) is tuple)
        if isinstance(leaf, type) and leaf not in PLAIN:
            return (
                f"{where} must be text, a number, true or false, or a list of these, as in a spec; its type is "
                f"{leaf.__name__}. Use one of these types, or make {leaf.__name__} a component and mark the field."
            )
    return None


def unmarked(where: str, cls: type[Any], *, several: bool = False) -> str:
    """Return the message for a field with a component but without a mark."""
    kind = next((name for name, each in KINDS.items() if any(hasattr(cls, method) for method in each.methods)), None)
    example = f'Annotated[{cls.__name__}, Component("{kind or "KIND"}")]'
    example = f"tuple[{example}, ...]" if several else example
    rest = "" if kind else f" KIND is one of: {', '.join(KINDS)}."
    name = where.rpartition(".")[2]
    return f"{where} contains a component, but has no mark for it. Write {name}: {example}.{rest}"


def _misplaced(where: str, kind: str) -> str:
    name, example = where.rpartition(".")[2], f'Annotated[…, Component("{kind}")]'
    return (
        f"{where} must be one component or a tuple of them, with the mark directly after the component's type. "
        f"Write {name}: {example} or {name}: tuple[{example}, ...]."
    )


def _marks_a_list(hint: Any) -> bool:
    """True if a mark is outside of a tuple or list instead of inside."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    marked = [get_args(member)[0] for member in members if get_origin(member) is Annotated]
    return any(get_origin(each) in (tuple, list) for each in marked)


def component_in(value: Any) -> Any | None:
    """Return the first component in a value, a list or a mapping, or None if it contains no component."""
    if is_component(type(value)):
        return value
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next((inner for member in members if (inner := component_in(member)) is not None), None)


def _leaves(hint: Any) -> Iterator[Any]:
    """Yield the types in an annotation, and the marks of components in it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        marks = [mark for mark in arguments[1:] if isinstance(mark, Component)]
        yield from marks or _leaves(arguments[0])
        return
    if origin is not types.UnionType:
        yield hint if origin is None else origin
    for argument in arguments:
        yield from _leaves(argument)


def _is_protocol(leaf: Any) -> bool:
    return isinstance(leaf, type) and bool(vars(leaf).get("_is_protocol", False))
