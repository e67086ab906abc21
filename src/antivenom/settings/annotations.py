"""Annotations that no spec could fill: each is refused with what to write instead."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from antivenom.registry import KINDS, did_you_mean
from antivenom.settings.marks import Component, is_component

PLAIN = (str, int, float, bool, type(None), list, tuple, dict, Sequence, Mapping, object, Any)
"""The classes whose values a spec can hold, and two that say nothing."""


def annotation_problem(where: str, hint: Any, kind: str | None) -> str | None:
    """Why a field's annotation is refused; None where it is not.

    Args:
        where: the class and the field: `MyAttack.trigger`.
        hint: the annotation.
        kind: the kind of component that the field's mark names; None where there is no mark at a place that is read.
    """
    if kind is not None and kind not in KINDS:
        rest = did_you_mean(kind, KINDS) or f" Use one of: {', '.join(KINDS)}."
        return f'{where}: Component("{kind}") names no kind.{rest}'
    if kind is not None:
        return _misplaced(where, kind) if _marks_a_list(hint) else None
    for leaf in _leaves(hint):
        if isinstance(leaf, Component):
            return _misplaced(where, leaf.kind)
        if is_component(leaf) or _is_protocol(leaf):
            return unmarked(where, leaf, several=get_origin(hint) is tuple)
        if isinstance(leaf, type) and leaf not in PLAIN:
            return (
                f"{where} must hold text, numbers, true or false, or lists of these, which a spec can hold; its type "
                f"is {leaf.__name__}. Use one of these types, or make {leaf.__name__} a component and mark the field."
            )
    return None


def unmarked(where: str, cls: type[Any], *, several: bool = False) -> str:
    """What to write where a field holds a component and does not say so."""
    kind = next((name for name, each in KINDS.items() if any(hasattr(cls, method) for method in each.methods)), None)
    example = f'Annotated[{cls.__name__}, Component("{kind or "KIND"}")]'
    example = f"tuple[{example}, ...]" if several else example
    rest = "" if kind else f" KIND is one of: {', '.join(KINDS)}."
    name = where.rpartition(".")[2]
    return f"{where} holds a component, but is not marked as a field that does. Write {name}: {example}.{rest}"


def _misplaced(where: str, kind: str) -> str:
    name, example = where.rpartition(".")[2], f'Annotated[…, Component("{kind}")]'
    return (
        f"{where} must hold one component or a tuple of them, and its mark must stand beside the component's type. "
        f"Write {name}: {example} or {name}: tuple[{example}, ...]."
    )


def _marks_a_list(hint: Any) -> bool:
    """Whether a mark stands outside of a tuple or a list instead of inside."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    marked = [get_args(member)[0] for member in members if get_origin(member) is Annotated]
    return any(get_origin(each) in (tuple, list) for each in marked)


def component_in(value: Any) -> Any | None:
    """The first component in a plain value, a list or a mapping; None where there is none."""
    if is_component(type(value)):
        return value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return next((found for member in members if (found := component_in(member)) is not None), None)


def _leaves(hint: Any) -> Iterator[Any]:
    """The types that an annotation is made of, and the marks of components in it."""
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
