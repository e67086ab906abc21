"""The register of conformance checks: which exist, which apply to a component, and what runs them."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints, overload

from antivenom.registry import KINDS, did_you_mean
from antivenom.trial import Trial, trial_of

Check = Callable[[Any], None]
F = TypeVar("F", bound=Check)


@dataclass(frozen=True)
class _Registered:
    function: Check
    contract: type[Any]
    kind: str | None
    quick: bool

    def applies(self, component: object) -> bool:
        if self.kind is not None:
            return _has_any(component, KINDS[self.kind].methods)
        if self.contract is object:
            return bool(kinds_of(component))
        method = deciding_method(self.contract)
        return has_method(component, method) if method else isinstance(component, self.contract)


_CHECKS: dict[str, _Registered] = {}


@overload
def check(function: F, /) -> F: ...
@overload
def check(kind: str | None = None, /, *, quick: bool = False) -> Callable[[F], F]: ...
def check(given: Any = None, /, *, quick: bool = False) -> Any:
    """Register a conformance check: a function of a component that raises `AssertionError` where it breaks a promise.

    It applies to the components that fulfil the contract which the function's parameter is annotated with: an
    `Attack`, a `Filter`, a protocol of your own. `@check("defences")` applies to all components of a kind.

    Args:
        given: the kind; where left out, the annotation says it.
        quick: whether the component does its work only once or twice. Such checks also run on the simulated device.

    Raises:
        TypeError: the parameter has no annotation, or another check has the same name.

    >>> from typing import Protocol, runtime_checkable
    >>> @runtime_checkable
    ... class Brewer(Protocol):
    ...     def brew(self) -> float: ...
    >>> @check
    ... def brewer_brews_something(brewer: Brewer) -> None:
    ...     assert brewer.brew() > 0, "it brews nothing"
    >>> class Dry:
    ...     def brew(self) -> float:
    ...         return 0.0
    >>> check_component(Dry())
    Traceback (most recent call last):
        ...
    AssertionError: Dry fails 1 of 1 checks.
    - brewer_brews_something: it brews nothing
    """
    if callable(given):
        return _register(given, None, quick)
    return lambda function: _register(function, given, quick)


def checks_for(component: object, *, quick: bool = False) -> tuple[Check, ...]:
    """The checks that apply to a component, by the contracts that it fulfils; none for other things and for classes.

    Args:
        component: the component.
        quick: only those that are marked as quick.

    >>> from antivenom.triggers import Patch
    >>> [each.__name__ for each in checks_for(Patch())]
    ['declares_its_contract', 'settings_round_trip', 'trigger_is_a_pure_function']
    """
    if isinstance(component, type):
        return ()
    _import_all()
    by_file = sorted(_CHECKS.values(), key=lambda each: each.function.__module__)
    applying = [each for each in by_file if each.applies(component)]
    return tuple(each.function for each in applying if each.quick or not quick)


def check_component(component: object, *, waive: Mapping[str, str] | None = None) -> None:
    """Check that a component keeps every promise that its contracts make.

    Args:
        component: the component, with settings that fit toy images of 6 × 6 in four classes.
        waive: checks to leave out, by name, each with the reason; beside those that its own `trial` waives.

    Raises:
        AssertionError: it breaks promises; the message lists all of them. Or no check applies to it.
        SettingsError: a waiver without a reason.

    >>> from antivenom.attacks import LabelFlip
    >>> check_component(LabelFlip())
    """
    waived = waivers_of(component, waive)
    checks = checks_for(component)
    assert checks, f"no check applies to {component!r}: {_why_none(component)}"
    run_all(checks, (component,), waived)


def waivers_of(component: object, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The checks that a component does not have to pass, with the reasons.

    Raises:
        AssertionError: a waiver names no check that applies to the component.
    """
    waived = {**trial_of(type(component)).waive, **Trial(waive=more or {}).waive}
    validate_waivers(waived, checks_for(component), type(component).__name__)
    return waived


def validate_waivers(waived: Mapping[str, str], checks: tuple[Callable[..., None], ...], name: str) -> None:
    known = [each.__name__ for each in checks]
    unknown = [f"no such check of {name}: '{each}'.{did_you_mean(each, known)}" for each in waived if each not in known]
    assert not unknown, "cannot waive what does not exist: " + " ".join(unknown)


def run_all(checks: tuple[Callable[..., None], ...], given: tuple[Any, ...], waived: Mapping[str, str]) -> None:
    """Run all checks that are not waived; raise one error that lists all that failed."""
    failed: dict[str, Exception] = {}
    applied = [each for each in checks if each.__name__ not in waived]
    for each in applied:
        try:
            each(*given)
        except Exception as error:  # noqa: BLE001 - a component that raises anything in a check has failed it
            failed[each.__name__] = error
    if failed:
        lines = [f"- {name}: {_worded(error)}" for name, error in failed.items()]
        title = f"{type(given[0]).__name__} fails {len(failed)} of {len(applied)} checks."
        raise AssertionError("\n".join([title, *lines])) from ExceptionGroup(title, list(failed.values()))


def has_method(component: object, name: str) -> bool:
    """Whether a component has a method; a setting of that name is none."""
    return name in dir(component) and callable(getattr(component, name))


def kinds_of(component: object) -> tuple[str, ...]:
    """The kinds of which a component has a deciding method. A training of a stream is also an arrival."""
    return tuple(kind for kind, each in KINDS.items() if _has_any(component, each.methods))


def contracts_of(component: object) -> tuple[type[Any], ...]:
    """The contracts that a component has to fulfil, as it has the method that decides."""
    _import_all()
    contracts = dict.fromkeys(each.contract for each in _CHECKS.values())
    return tuple(each for each in contracts if (method := deciding_method(each)) and has_method(component, method))


def deciding_method(contract: type[Any]) -> str | None:
    """The method that makes a component fulfil a contract, as the registry has it.

    None where the contract adds to another one, such as `TriggeredGoal` to `Goal`, or belongs to no kind.
    """
    every = {method for kind in KINDS.values() for method in kind.methods}
    all_, own = every & set(dir(contract)), every & set(vars(contract))
    return own.pop() if len(all_) == 1 and own else None


def _register(function: Any, kind: str | None, quick: bool) -> Any:
    hints = list(get_type_hints(function).values())
    if kind is None and (not hints or hints[0] is type(None)):
        raise TypeError(f"{function.__name__} is a check of nothing: annotate its parameter, or name a kind.")
    contract = object if kind is not None else hints[0]
    taken = _CHECKS.get(function.__name__)
    if taken is not None and taken.function.__module__ != function.__module__:
        raise TypeError(f"{taken.function.__module__} already has a check named '{function.__name__}'.")
    _CHECKS[function.__name__] = _Registered(function, contract, kind, quick)
    return function


@cache
def _import_all() -> None:
    """Import every file of checks, each of which registers its own: there is no list of them."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.name.startswith("_"):
            importlib.import_module(f"antivenom.testing.{module.name}")


def _has_any(component: object, methods: tuple[str, ...]) -> bool:
    return any(has_method(component, method) for method in methods)


def _why_none(component: object) -> str:
    if isinstance(component, type):
        return "it is a class; pass a component that is made of it."
    methods = ", ".join(sorted({method for kind in KINDS.values() for method in kind.methods}))
    return f"it has none of the methods {methods}."


def _worded(error: Exception) -> str:
    return str(error) if isinstance(error, AssertionError) else f"it raised {type(error).__name__}: {error}"
