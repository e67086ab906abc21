"""Settings: what a component's fields may hold, declared once in their types and worded once for all errors.

    @component
    class BadNets:
        rate: Rate = 0.1
        trigger: Annotated[Trigger, Component("triggers")] = Patch()

`@component` makes a frozen, keyword-only dataclass that checks its fields when it is made; `build` makes one from
what a YAML file says; `describe` writes it back.
"""

import dataclasses
import inspect
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,
    Protocol,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from annotated_types import Interval
from pydantic import ConfigDict, TypeAdapter, ValidationError

from antivenom.errors import CodeNotAllowedError, SettingsError, UnknownComponentError
from antivenom.registry import KINDS, did_you_mean, find, import_named, name_of

T = TypeVar("T")
COMPONENT = "__antivenom_component__"
"""Where a component's class notes when it was made, in nanoseconds since the epoch."""

NEEDS = {
    "gradients": "the classifier is differentiable",
    "features": "the classifier has layers to look into",
    "incremental": "the classifier learns batch by batch",
    "probabilities": "the classifier gives probabilities",
    "images": "the rows are images",
    "bounds": "the data has a known range",
    "tokens": "the rows are tokens",
    "surrogate": "the runner trains a surrogate for the attack",
    "earlier_model": "the defender has a model that stood before the rows came",
    "triggers": "a scan recovered triggers",
}
"""What a component may require: of the classifier, of the data, of the runner."""
LIVE = "live"
STARTED = time.time_ns()
"""When this process began with antivenom: a file of antivenom's that was written later is not what runs."""


Rate = Annotated[float, Interval(ge=0, le=1)]
Positive = Annotated[float, Interval(gt=0)]
NonNegative = Annotated[float, Interval(ge=0)]
Count = Annotated[int, Interval(ge=0)]
AtLeastOne = Annotated[int, Interval(ge=1)]


@runtime_checkable
class ChecksItself(Protocol):
    """A component that says before a run why its settings do not fit."""

    def problems(self, subject: Any) -> Iterable[str]:
        """What is wrong, a sentence each.

        Args:
            subject: what the settings must fit: the training data for an attack or a training, the shape of a row for a
                model, an untrained classifier for a defence, a repair or an analysis.
        """


@runtime_checkable
class ReadsFiles(Protocol):
    """A component that reads files, whose bytes are part of its results' keys."""

    def files(self) -> tuple[Path, ...]:
        """The files; they are looked for before anything runs."""


@runtime_checkable
class DeclaresNeeds(Protocol):
    """A component that says what it requires; `@component` makes every component one."""

    @property
    def needs(self) -> frozenset[str]:
        """What it requires, in the words of `NEEDS`."""


def needs_of(part: object) -> frozenset[str]:
    """What a part requires; nothing where it is made in Python and declares nothing, such as a classifier."""
    return part.needs if isinstance(part, DeclaresNeeds) else frozenset()


@dataclasses.dataclass(frozen=True)
class Component:
    """Marks a field that holds another component: `Annotated[Trigger, Component("triggers")]`."""

    kind: str


@dataclasses.dataclass(frozen=True)
class Code:
    """Marks a text field that names code to import, `package.module:function`: refused unless code is allowed."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def component(cls: type[T]) -> type[T]:
    """Make a class a component: a frozen, keyword-only dataclass that checks its fields when it is made.

    Lists become tuples and whole numbers become floats where the field says so, and nothing else is converted.
    A `__post_init__` of the class's own runs after the check.

    Raises:
        SettingsError: on making one with wrong settings; it lists all of them.

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

    def __post_init__(self: Any) -> None:
        problems = []
        for field in _fields(type(self)):
            value, problem = _checked(field, getattr(self, field.name), f"{type(self).__name__}.{field.name}")
            object.__setattr__(self, field.name, value)
            problems += [problem] if problem else []
        if problems:
            raise SettingsError(problems)
        if own is not None:
            own(self)

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    setattr(cls, COMPONENT, time.time_ns())
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def _declare_needs(cls: type[Any]) -> None:
    """Give a class without `needs` an empty set, and refuse words that mean nothing."""
    declared = getattr(cls, "needs", None)
    if declared is None:
        cls.needs = frozenset()
    elif isinstance(declared, frozenset) and (unknown := sorted(declared - NEEDS.keys())):
        known = ", ".join(sorted(NEEDS))
        raise TypeError(f"{cls.__name__}.needs holds {unknown[0]!r}, which is not a need. Use any of: {known}.")


def build(kind: str, value: Any, *, path: str, allow_code: bool = False) -> Any:
    """Make the component that a spec describes: a name, or a mapping with `name` and the component's fields.

    Args:
        kind: a key of `registry.KINDS`.
        value: what the YAML file holds.
        path: where it stands, for messages: `attack`.
        allow_code: whether names of code may be imported.

    Raises:
        SettingsError: with every problem found below `path`.

    >>> build("triggers", {"name": "patch", "size": 4}, path="trigger").size
    4
    """
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise SettingsError([f"{path} must be a name or a mapping with a name; got {short(value)}."])
    name = value["name"]
    if name == LIVE:
        raise SettingsError([f"{path} was made in Python ({value.get('type')}); no spec can make it again."])
    try:
        if ":" in name:
            _allow(name, path, allow_code)
            cls = import_named(name)
        else:
            cls = find(kind, name)
    except (UnknownComponentError, CodeNotAllowedError) as error:
        raise SettingsError([f"{path}: {error}"]) from error
    if not isinstance(cls, type) or not hasattr(cls, COMPONENT):
        raise SettingsError([f"{path}: '{name}' is no class decorated with antivenom.settings.component."])
    settings = {key: item for key, item in value.items() if key != "name"}
    return build_as(cls, settings, path=path, allow_code=allow_code)


def build_as(cls: type[T], settings: Mapping[str, Any], *, path: str, allow_code: bool = False) -> T:
    """Make one `cls`, a class decorated with `component`, from plain settings; as `build`, with the class known."""
    fields = {field.name: field for field in _fields(cls)}
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, value in settings.items():
        where = _join(path, key)
        if key not in fields:
            hint = did_you_mean(str(key), fields) or f" It may be: {', '.join(fields) or 'nothing'}."
            problems.append(f"{where} is not a setting.{hint}")
            continue
        try:
            values[key] = _built(fields[key], value, where, allow_code)
        except SettingsError as error:
            problems += error.problems
    problems += [
        f"{_join(path, name)} is missing; it must be {field.phrase}."
        for name, field in fields.items()
        if field.required and name not in settings
    ]
    if problems:
        raise SettingsError(problems)
    try:
        return cls(**values)
    except SettingsError as error:
        own = f"{cls.__name__}."
        raise SettingsError(_join(path, line.removeprefix(own)) for line in error.problems) from error


def describe(kind: str, made: Any) -> dict[str, Any]:
    """The plain mapping that `build` makes the same component from, every default written out.

    >>> describe("triggers", build("triggers", "patch", path="trigger"))
    {'name': 'patch', 'size': 3, 'position': 'bottom_right', 'value': 1.0, 'pattern': 'solid'}

    Something made in Python that is no component is named `live`; no spec can make it again.
    """
    if not dataclasses.is_dataclass(made) or not hasattr(type(made), COMPONENT):
        return {"name": LIVE, "type": f"{type(made).__module__}.{type(made).__qualname__}"}
    return {"name": name_of(kind, type(made)), **describe_fields(made)}


def is_live(described: Any) -> bool:
    """Whether something in a description was made in Python and is no component, so that its settings are not known."""
    if isinstance(described, dict):
        return described.get("name") == LIVE or any(map(is_live, described.values()))
    return isinstance(described, list) and any(map(is_live, described))


def describe_fields(made: Any) -> dict[str, Any]:
    """As `describe`, without the name."""
    return {field.name: _plain(field, getattr(made, field.name)) for field in _fields(type(made))}


def codes_of(made: Any) -> Iterator[str]:
    """The names of code that a component's own settings hold, such as `package.module:function`."""
    for field in _fields(type(made)):
        if field.code and isinstance(value := getattr(made, field.name), str):
            yield value


def settings_of(cls: type[Any]) -> Iterator[tuple[str, str, Any]]:
    """Each field's name, what it must be, and its default (`dataclasses.MISSING` where it must be given)."""
    for field in _fields(cls):
        yield field.name, field.phrase, field.default


def documentation(cls: type[Any]) -> str:
    """A component's documentation, and that of the settings which it has from other components.

    >>> @component
    ... class Round:
    ...     \"\"\"Something round.
    ...
    ...     Args:
    ...         radius: in pixels.
    ...     \"\"\"
    ...     radius: Positive = 1.0
    >>> @component
    ... class Ring(Round):
    ...     \"\"\"Something with a hole.\"\"\"
    >>> print(documentation(Ring))
    Something with a hole.
    <BLANKLINE>
    Args:
        radius: in pixels.
    """
    own = inspect.cleandoc(cls.__doc__ or "")
    bases = [base for base in reversed(cls.__mro__[1:]) if COMPONENT in vars(base)]
    inherited = {name: text for base in bases for name, text in _arguments(base).items()}
    if not inherited:
        return own
    entries = {**inherited, **_arguments(cls)}
    places = {field.name: place for place, field in enumerate(_fields(cls))}
    ordered = sorted(entries, key=lambda names: places.get(names.partition(",")[0], len(places)))
    args = "\n\nArgs:\n" + "\n".join(entries[names] for names in ordered)
    before, _, rest = own.partition("\n\nArgs:\n")
    if rest:
        return before + args + "".join(rest.partition("\n\n")[1:])
    end = min((place for mark in ("\n\nRaises:", "\n\n>>> ") if (place := own.find(mark)) >= 0), default=len(own))
    return own[:end] + args + own[end:]


def _arguments(cls: type[Any]) -> dict[str, str]:
    """The entries of a docstring's `Args`, by what stands before the colon."""
    section = inspect.cleandoc(cls.__doc__ or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    entries: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if not line.startswith(" " * 8):
            name = line.partition(":")[0].strip()
        entries[name] = f"{entries[name]}\n{line}" if name in entries else line
    return entries


def short(value: object, limit: int = 60) -> str:
    """`repr`, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    type: Any
    kind: str | None
    optional: bool
    many: bool
    code: bool
    default: Any

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def phrase(self) -> str:
        if self.kind:
            word = KINDS[self.kind].singular
            text = f"a list of {self.kind}" if self.many else f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
            return f"{text} or null" if self.optional else text
        return _phrase(self.type)


def _fields(cls: Any) -> tuple[_Field, ...]:
    return _read_fields(cls)


@cache
def _read_fields(cls: Any) -> tuple[_Field, ...]:
    hints = get_type_hints(cls, include_extras=True)
    return tuple(_field(field, hints[field.name]) for field in dataclasses.fields(cls) if field.init)


def _field(field: "dataclasses.Field[Any]", hint: Any) -> _Field:
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    optional = type(None) in members
    kind, many, code = None, False, False
    for member in members:
        many = many or get_origin(member) is tuple
        inner = get_args(member)[0] if get_origin(member) is tuple and get_args(member) else member
        for mark in getattr(inner, "__metadata__", ()):
            kind = mark.kind if isinstance(mark, Component) else kind
            code = code or isinstance(mark, Code)
    return _Field(field.name, hint, kind, optional, many and kind is not None, code, default)


def _checked(field: _Field, value: Any, where: str) -> tuple[Any, str | None]:
    """The value in its proper type, and what is wrong with it."""
    got = f"; got {short(value)}."
    if field.kind:
        if value is None and field.optional:
            return value, None
        value = tuple(value) if field.many and isinstance(value, list | tuple) else value
        members = value if field.many and isinstance(value, tuple) else (value,)
        methods = KINDS[field.kind].methods
        right = isinstance(value, tuple) == field.many and all(
            any(callable(getattr(member, method, None)) for method in methods) and not isinstance(member, type)
            for member in members
        )
        return value, None if right else f"{where} must be {field.phrase}, with a method {' or '.join(methods)}{got}"
    try:
        return _validator(field.type)(_tupled(value), strict=True), None
    except ValidationError as error:
        kinds = {item["type"] for item in error.errors()}
        bounds_only = kinds <= {"greater_than_equal", "greater_than", "less_than_equal", "less_than"}
        return value, f"{where} must be {_phrase(field.type, bounds_only=bounds_only)}{got}"


def _built(field: _Field, value: Any, where: str, allow_code: bool) -> Any:
    if field.kind and not (value is None and field.optional):
        if not field.many:
            if isinstance(value, Mapping) and "name" not in value and hasattr(type(field.default), COMPONENT):
                value = {"name": name_of(field.kind, type(field.default)), **value}
            return build(field.kind, value, path=where, allow_code=allow_code)
        if not isinstance(value, list | tuple):
            raise SettingsError([f"{where} must be {field.phrase}; got {short(value)}."])
        return _built_all(field.kind, value, where, allow_code)
    if field.code and isinstance(value, str):
        try:
            _allow(value, where, allow_code)
        except CodeNotAllowedError as error:
            raise SettingsError([str(error)]) from error
    checked, problem = _checked(field, value, where)
    if problem:
        raise SettingsError([problem])
    return checked


def _built_all(kind: str, values: Sequence[Any], where: str, allow_code: bool) -> tuple[Any, ...]:
    made = []
    problems: list[str] = []
    for index, value in enumerate(values):
        try:
            made.append(build(kind, value, path=f"{where}[{index}]", allow_code=allow_code))
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return tuple(made)


def _allow(code: str, path: str, allow_code: bool) -> None:
    if not allow_code:
        raise CodeNotAllowedError(f"{path} names code ('{code}'), which would run. Read it, then pass --allow-code.")


def _plain(field: _Field, value: Any) -> Any:
    if field.kind and value is not None:
        return [describe(field.kind, item) for item in value] if field.many else describe(field.kind, value)
    return _listed(value)


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def _tupled(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_tupled(item) for item in value)
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        return value.item()
    return value


@cache
def _validator(hint: Any) -> Callable[..., Any]:
    adapter: TypeAdapter[Any] = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False))
    return adapter.validate_python


def _phrase(hint: Any, *, bounds_only: bool = False) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = " and ".join(_bounds(mark) for mark in arguments[1:] if isinstance(mark, Interval))
        if bounds and bounds_only:
            return bounds
        return f"{_phrase(arguments[0])} {bounds}".strip()
    if origin in (Union, types.UnionType):
        return " or ".join(_phrase(member, bounds_only=bounds_only) for member in arguments)
    if origin is Literal:
        return "one of " + ", ".join(repr(item) for item in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list, each {_phrase(arguments[0])}"
        return f"a list of {len(arguments)}: {', '.join(_phrase(item) for item in arguments)}"
    words = {float: "a number", int: "a whole number", str: "text", bool: "true or false", type(None): "null"}
    return words.get(hint, f"a {getattr(hint, '__name__', hint)}")


def _bounds(mark: Interval) -> str:
    low, high = mark.ge if mark.ge is not None else mark.gt, mark.le if mark.le is not None else mark.lt
    if low is not None and high is not None:
        left, right = "[" if mark.ge is not None else "(", "]" if mark.le is not None else ")"
        return f"in {left}{low}, {high}{right}"
    if low is not None:
        return f"at least {low}" if mark.ge is not None else f"above {low}"
    return f"at most {high}" if mark.le is not None else f"below {high}"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
