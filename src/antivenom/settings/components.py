"""The decorator `@component`."""

import dataclasses
import time
from typing import Any, TypeVar, dataclass_transform

from antivenom.errors import SettingsError
from antivenom.settings.arguments import check_arguments
from antivenom.settings.contracts import NEEDS
from antivenom.settings.fields import checked, fields_of
from antivenom.settings.marks import COMPONENT, name_of_class_advice
from antivenom.settings.wording import short

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def component(cls: type[T]) -> type[T]:
    """Make a class a component: a frozen, keyword-only dataclass that checks its fields on creation.

    Lists become tuples, and whole numbers become floats, if the type of the field requires it. Other values are not
    converted. The `__post_init__` of the class runs after the check.

    Raises:
        SettingsError: on creation with wrong settings; it lists all of them.

    >>> from antivenom.settings import Positive
    >>> @component
    ... class Blur:
    ...     radius: Positive = 1.0
    >>> Blur(radius=2)
    Blur(radius=2.0)
    >>> Blur(radius=-1)
    Traceback (most recent call last):
        ...
    antivenom.errors.SettingsError: Blur.radius must be above 0; got -1.
    """
    own = getattr(cls, "__post_init__", None)
    _declare_needs(cls)
    check_arguments(cls)

    def __post_init__(self: Any) -> None:
        problems = []
        for field in fields_of(type(self)):
            value, problem = checked(field, getattr(self, field.name), f"{type(self).__name__}.{field.name}")
            object.__setattr__(self, field.name, value)
            problems += [problem + name_of_class_advice(problem)] if problem else []
        if problems:
            raise SettingsError(problems)
        if own is not None:
            own(self)

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    setattr(cls, COMPONENT, time.time_ns())
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def _declare_needs(cls: type[Any]) -> None:
    """Add an empty set `needs` if a class has none; raise TypeError for needs that are unknown or not a frozenset."""
    declared = getattr(cls, "needs", None)
    if declared is None:
        cls.needs = frozenset()
    elif not isinstance(declared, frozenset | property):
        raise TypeError(
            f"{cls.__name__}.needs must be a frozenset of words; got {short(declared)}. "
            f'Write needs = frozenset({{"{next(iter(NEEDS))}"}}).'
        )
    elif isinstance(declared, frozenset) and (unknown := sorted(declared - NEEDS.keys())):
        known = ", ".join(sorted(NEEDS))
        raise TypeError(f"{cls.__name__}.needs contains {unknown[0]!r}, which is not a need. Use any of: {known}.")
