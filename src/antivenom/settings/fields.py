"""Read the fields of a component from its annotations, and check their values."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from antivenom.errors import SettingsError, in_words
from antivenom.registry import KINDS, own_advice
from antivenom.settings.annotations import annotation_problem, component_in, unmarked
from antivenom.settings.frozen import FrozenMap
from antivenom.settings.fulfilment import lacking, missing_field, wrong_method
from antivenom.settings.marks import ADVICE, Code, Component, is_component
from antivenom.settings.wording import phrase_of, short


@dataclasses.dataclass(frozen=True)
class Field:
    """One setting of a component.

    Attributes:
        name: the name of the field.
        type: the annotation of the field.
        kind: the kind of its component, a key of `registry.KINDS`; None if its values are plain.
        contracts: the types of its component, such as `(Detector, Filter)`; empty if its values are plain.
        optional: True if it may be None.
        many: True if it is a tuple of components.
        code: True if it names code to import.
        default: the default value, or `dataclasses.MISSING` if it is required.
    """

    name: str
    type: Any
    kind: str | None
    contracts: tuple[Any, ...]
    optional: bool
    many: bool
    code: bool
    default: Any

    @property
    def required(self) -> bool:
        """True if the field has no default."""
        return self.default is dataclasses.MISSING

    @property
    def phrase(self) -> str:
        """The allowed values in words, such as `a number in [0, 1]` or `a list of triggers`."""
        if self.kind:
            word = KINDS[self.kind].singular
            text = f"a list of {self.kind}" if self.many else f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
            return f"{text} or null" if self.optional else text
        return phrase_of(self.type)


def fields_of(cls: Any) -> tuple[Field, ...]:
    """Return the settings of a component's class, in their order.

    Raises:
        SettingsError: an annotation is not supported, such as a component without a mark.
    """
    return _read(cls)


@cache
def _read(cls: Any) -> tuple[Field, ...]:
    hints = _hints(cls)
    settings = tuple(_field(field, hints[field.name]) for field in dataclasses.fields(cls) if field.init)
    answers = (annotation_problem(f"{cls.__name__}.{field.name}", field.type, field.kind) for field in settings)
    if problems := [problem for problem in answers if problem]:
        raise SettingsError(problems)
    return settings


def _hints(cls: Any) -> dict[str, Any]:
    """Return the annotations of a class. An annotation in quotes may name nothing that exists."""
    try:
        hints = get_type_hints(cls, include_extras=True)
        hash(tuple(hints.values()))
    except Exception as error:  # annotations are evaluated, so that they may raise anything
        raise SettingsError([f"{cls.__name__}: an annotation is not a type: {in_words(error)}."]) from error
    return hints


def _field(field: "dataclasses.Field[Any]", hint: Any) -> Field:
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    optional = type(None) in members
    kind: str | None = None
    contracts: tuple[Any, ...] = ()
    many, code = False, False
    for member in members:
        many = many or get_origin(member) is tuple
        inner = get_args(member)[0] if get_origin(member) is tuple and get_args(member) else member
        for mark in getattr(inner, "__metadata__", ()):
            if isinstance(mark, Component):
                kind, contracts = mark.kind, _contracts(get_args(inner)[0])
            code = code or isinstance(mark, Code)
    return Field(field.name, hint, kind, contracts, optional, many and kind is not None, code, default)


def checked(field: Field, value: Any, where: str) -> tuple[Any, str | None]:
    """Return the value converted to the type of the field, and its problem or None."""
    got = f"; got {short(value)}."
    if field.kind:
        if value is None and field.optional:
            return value, None
        value = tuple(value) if field.many and isinstance(value, list | tuple) else value
        members = value if field.many and isinstance(value, tuple) else (value,)
        if isinstance(value, tuple) != field.many:
            return value, f"{where} must be {field.phrase}{got} {'' if field.many else KINDS[field.kind].own}".rstrip()
        places = [f"{where}[{index}]" if field.many else where for index in range(len(members))]
        problems = (_problem(field, member, place) for member, place in zip(members, places, strict=True))
        return value, next((problem for problem in problems if problem), None)
    try:
        converted = _frozen(_validator(field.type)(_tupled(value), strict=True))
    except ValidationError as error:
        kinds = {item["type"] for item in error.errors()}
        bounds_only = kinds <= {"greater_than_equal", "greater_than", "less_than_equal", "less_than"}
        return (
            value,
            f"{where} must be {phrase_of(field.type, bounds_only=bounds_only)}{got}{_about_pairs(field, value)}",
        )
    inner = component_in(converted)
    several = isinstance(converted, tuple)
    return converted, None if inner is None else unmarked(where, type(inner), several=several)


def _about_pairs(field: Field, value: Any) -> str:
    """Return advice about a mapping in place of a list of pairs; empty text for other values."""
    inner = get_args(field.type)[:1] if get_origin(field.type) is tuple else ()
    if not isinstance(value, Mapping) or not value or not inner or len(get_args(inner[0])) != 2:
        return ""
    return f" Write {field.name}: {[list(pair) for pair in value.items()]}."


def _contracts(hint: Any) -> tuple[Any, ...]:
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return tuple(member for member in members if isinstance(member, type))


def _problem(field: Field, member: Any, where: str) -> str | None:
    """Return the reason why a value does not fulfil any of the field's contracts, or None if it fulfils one."""
    assert field.kind is not None
    absent = {contract: lacking(member, contract) for contract in field.contracts}
    if not isinstance(member, type) and not all(absent.values()):
        return None
    if not isinstance(member, type) and (other := wrong_method(member, field.contracts)):
        return f"{where}: {other}"
    contract = min(absent, key=lambda each: len(absent[each]), default=None)
    closest = [] if contract is None else absent[contract]
    methods = KINDS[field.kind].methods
    phrase = dataclasses.replace(field, many=False).phrase
    if isinstance(member, type) or not closest or set(closest) & set(methods):
        advice = getattr(type(member), ADVICE, {}).get(field.kind)
        advice = advice or ("" if is_component(type(member)) else own_advice(field.kind, member))
        named = f" {advice}" if advice else _misnamed(member, methods)
        return f"{where} must be {phrase}, with a method {' or '.join(methods)}; got {short(member)}.{named}"
    if contract is None or "needs" in closest or not vars(contract).get("_is_protocol", False):
        return f"{where} must be {phrase}; got {short(member)}, which does not have {', '.join(closest)}."
    return f"{where} ({type(member).__name__}): {' '.join(missing_field(contract, name) for name in closest)}"


def _misnamed(member: Any, methods: tuple[str, ...]) -> str:
    """Return a sentence about a method whose name is similar to one of the right names, or empty text."""
    own = [name for name in dir(member) if not name.startswith("_") and callable(getattr(member, name, None))]
    pairs = ((get_close_matches(method, own, n=1), method) for method in methods)
    close = next(((names[0], method) for names, method in pairs if names), None)
    return f" Its method '{close[0]}' must have the name '{close[1]}'." if close else ""


def _tupled(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_tupled(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _tupled(item) for key, item in value.items()}
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    return FrozenMap({key: _frozen(item) for key, item in value.items()}) if isinstance(value, Mapping) else value


@cache
def _validator(hint: Any) -> Callable[..., Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False))
    return adapter.validate_python
