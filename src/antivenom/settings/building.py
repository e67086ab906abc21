"""Build components from the content of a spec."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from antivenom.errors import ADVICE, AntivenomError, CodeNotAllowedError, SettingsError, UnknownComponentError, in_words
from antivenom.importing import import_named
from antivenom.registry import did_you_mean, find, is_registered_module, name_of
from antivenom.settings.fields import Field, checked, fields_of
from antivenom.settings.marks import LIVE, is_component
from antivenom.settings.wording import join_path, short

T = TypeVar("T")
ONCE = (
    "Such a spec shows the settings of a run; it cannot run it again, or read its classifiers. Run your Python code "
    "again, or name the object in the spec, for a network by the model `module` with its setting factory."
)
"""What a spec with an object made in Python cannot do."""

AllowCode = bool | Literal["imported"]
"""Whether named code may be imported; `imported`: only code of modules that this process has imported already."""


def build(kind: str, value: Any, *, path: str, allow_code: AllowCode = False) -> Any:
    """Build the component that a spec describes: a name, or a mapping with `name` and the component's fields.

    Args:
        kind: a key of `registry.KINDS`.
        value: the content of the YAML file.
        path: its position in the spec for messages, such as `attack`.
        allow_code: True to allow the import of named code; `imported` to allow code that is imported already.
            A class in the module of a registered component requires no permission, because that component runs the
            module anyway.

    Raises:
        SettingsError: the settings are wrong; it lists all problems below `path`.

    >>> build("triggers", {"name": "patch", "size": 4}, path="trigger").size
    4
    """
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise SettingsError([f"{path} must be a name or a mapping with a name; got {short(value)}."])
    name = value["name"]
    if name == LIVE:
        raise SettingsError([f"{path} must be a component; got an object made in Python ({value.get('type')}). {ONCE}"])
    try:
        if ":" in name:
            _allow(name, True if is_registered_module(name) else allow_code)
            cls = import_named(name)
        else:
            cls = find(kind, name)
    except CodeNotAllowedError as error:
        raise SettingsError([str(error)]) from error
    except UnknownComponentError as error:
        raise SettingsError([f"{path}: {error}"]) from error
    if not is_component(cls):
        raise SettingsError([f"{path}: '{name}' must be a class with the decorator antivenom.settings.component."])
    settings = {key: item for key, item in value.items() if key != "name"}
    try:
        return build_as(cls, settings, path=path, allow_code=allow_code)
    except AntivenomError:
        raise
    except (Exception, SystemExit) as error:  # from the `__post_init__` of a component, which may raise anything
        raise SettingsError([f"{path}: {short(name)} cannot be made: {in_words(error)}. {ADVICE}"]) from error


def build_as(cls: type[T], settings: Mapping[str, Any], *, path: str, allow_code: AllowCode = False) -> T:
    """Build an instance of `cls`, a class with the decorator `component`, from plain settings. See `build`."""
    fields = {field.name: field for field in fields_of(cls)}
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, value in settings.items():
        where = join_path(path, key)
        if key not in fields:
            hint = did_you_mean(str(key), fields) or f" The settings are: {', '.join(fields) or 'none'}."
            problems.append(f"{where} is not a setting.{hint}")
            continue
        try:
            values[key] = _built(fields[key], value, where, allow_code)
        except SettingsError as error:
            problems += error.problems
    problems += [
        f"{join_path(path, name)} is missing; it must be {field.phrase}."
        for name, field in fields.items()
        if field.required and name not in settings
    ]
    if problems:
        raise SettingsError(problems)
    try:
        return cls(**values)
    except SettingsError as error:
        prefix = f"{cls.__name__}."
        raise SettingsError(join_path(path, line.removeprefix(prefix)) for line in error.problems) from error


def _built(field: Field, value: Any, where: str, allow_code: AllowCode) -> Any:
    if field.kind and not (value is None and field.optional):
        if not field.many:
            if isinstance(value, Mapping) and "name" not in value and is_component(type(field.default)):
                value = {"name": name_of(field.kind, type(field.default)), **value}
            return build(field.kind, value, path=where, allow_code=allow_code)
        if not isinstance(value, list | tuple):
            raise SettingsError([f"{where} must be {field.phrase}; got {short(value)}."])
        return _built_all(field.kind, value, where, allow_code)
    if field.code and isinstance(value, str):
        try:
            _allow(value, allow_code)
        except CodeNotAllowedError as error:
            raise SettingsError([f"{where}: {error}"]) from error
    converted, problem = checked(field, value, where)
    if problem:
        raise SettingsError([problem])
    return converted


def _built_all(kind: str, values: Sequence[Any], where: str, allow_code: AllowCode) -> tuple[Any, ...]:
    components = []
    problems: list[str] = []
    for index, value in enumerate(values):
        try:
            components.append(build(kind, value, path=f"{where}[{index}]", allow_code=allow_code))
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return tuple(components)


def _allow(code: str, allow_code: AllowCode) -> None:
    if not allow_code or (allow_code == "imported" and code.partition(":")[0] not in sys.modules):
        advice = "Read it, then pass --allow-code, or allow_code=True in Python."
        raise CodeNotAllowedError(f"The spec names code ('{code}'), which is not allowed to run. {advice}")
