"""The register of conformance checks, the choice of checks for a component, and the functions that run them."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, get_type_hints, overload

from antivenom.calling import raised
from antivenom.errors import AntivenomError, debugging
from antivenom.registry import KINDS, did_you_mean
from antivenom.settings import wrong_method
from antivenom.trial import Trial, trial_of

Check = Callable[[Any], None]
F = TypeVar("F", bound=Check)


@dataclass(frozen=True)
class Registered:
    """A check, and what it applies to."""

    function: Check
    contract: type[Any]
    kind: str | None
    quick: bool
    basic: bool

    def applies(self, component: object) -> bool:
        """Return whether a component must pass this check."""
        if self.kind is not None:
            return _has_any(component, KINDS[self.kind].methods)
        if self.contract is object:
            return bool(kinds_of(component))
        return has_method(component, self._method) if self._method else isinstance(component, self.contract)

    @cached_property
    def _method(self) -> str | None:
        return deciding_method(self.contract)


CHECKS: dict[str, Registered] = {}
"""All checks, by name."""


@overload
def check(function: F, /) -> F: ...
@overload
def check(kind: str | None = None, /, *, quick: bool = False, basic: bool = False) -> Callable[[F], F]: ...
def check(target: Any = None, /, *, quick: bool = False, basic: bool = False) -> Any:
    """Register a conformance check: a function of a component that raises `AssertionError` if a contract is broken.

    The annotation of the function's parameter determines the components to check: those that fulfil this contract, such
    as an `Attack`, a `Filter`, or your own protocol. `@check("defences")` checks all components of a kind.

    Args:
        target: the kind of the components; the annotation determines them if omitted.
        quick: True if the component does its work only once or twice. Quick checks also run on the simulated device.
        basic: True if the other checks depend on it. Basic checks run first. If one fails, the others do not run.

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
    if callable(target):
        return _register(target, None, quick, basic)
    return lambda function: _register(function, target, quick, basic)


def checks_for(component: object, *, quick: bool = False) -> tuple[Check, ...]:
    """Return the checks that apply to a component, by its contracts, the basic ones first.

    Classes and other objects have no checks.

    Args:
        component: the component.
        quick: only quick checks.

    >>> from antivenom.triggers import Patch
    >>> [each.__name__ for each in checks_for(Patch())]
    ['declares_its_contract', 'settings_round_trip', 'trigger_is_a_pure_function']
    """
    if isinstance(component, type):
        return ()
    _import_all()
    by_file = sorted(CHECKS.values(), key=lambda each: (not each.basic, each.function.__module__))
    applying = [each for each in by_file if each.applies(component)]
    return tuple(each.function for each in applying if each.quick or not quick)


def check_component(component: object, *, waive: Mapping[str, str] | None = None) -> None:
    """Check that a component fulfils all of its contracts.

    Args:
        component: the component, with settings that fit toy images of 6 × 6 pixels in four classes.
        waive: the checks to omit, each with the reason, in addition to those that its own `trial` waives.

    Raises:
        AssertionError: a check fails, and the message lists all of them; no check applies; or a waiver names none. If
            a basic check fails, the message has only this one, because the other checks depend on it.
        SettingsError: a waiver has no reason.

    >>> from antivenom.attacks import LabelFlip
    >>> check_component(LabelFlip())
    """
    waived = waivers_of(component, waive)
    checks = checks_for(component)
    assert checks, f"no check applies to {component!r}: {_why_none(component)}"
    run_all(checks, (component,), waived)


def waivers_of(component: object, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the checks that a component does not have to pass, with the reasons.

    Raises:
        AssertionError: a waiver names a check that does not apply to the component.
    """
    waived = {**trial_of(type(component)).waive, **Trial(waive=more or {}).waive}
    validate_waivers(waived, checks_for(component), type(component).__name__)
    return waived


def validate_waivers(waived: Mapping[str, str], checks: tuple[Callable[..., None], ...], name: str) -> None:
    """Fail where a waiver names none of the checks."""
    known = [each.__name__ for each in checks]
    unknown = [f"no such check of {name}: '{each}'.{did_you_mean(each, known)}" for each in waived if each not in known]
    assert not unknown, "a waiver must name a check that applies: " + " ".join(unknown)


def run_all(checks: tuple[Callable[..., None], ...], arguments: tuple[Any, ...], waived: Mapping[str, str]) -> None:
    """Run all checks that are not waived. Raise one error that lists all checks that failed.

    After a basic check that fails, no further check runs. Checks that fail for the same reason are on one line. With
    `ANTIVENOM_DEBUG=1` in the environment, the error's traceback shows the errors of all failed checks.
    """
    failed: dict[str, Exception] = {}
    skipped = 0
    applied = [each for each in checks if each.__name__ not in waived]
    for place, each in enumerate(applied, start=1):
        try:
            each(*arguments)
        except Exception as error:  # noqa: BLE001 - any exception means that the check failed
            failed[each.__name__] = error
            if _is_basic(each):
                skipped = len(applied) - place
                break
    if failed:
        messages = {name: _message(error, arguments[0]) for name, error in failed.items()}
        title = f"{type(arguments[0]).__name__} fails {len(failed)} of {len(applied)} checks."
        if skipped:
            title += f" The other {skipped} depend on it and did not run."
        raise AssertionError("\n".join([title, *_grouped(messages)])) from (
            ExceptionGroup(title, list(failed.values())) if debugging() else None
        )


def has_method(component: object, name: str) -> bool:
    """Return True if a component has a method with this name. A setting with this name does not count."""
    return _is_listed(component, name) and callable(getattr(component, name))


def kinds_of(component: object) -> tuple[str, ...]:
    """Return the kinds of a component, by its methods. A training on streams is also an arrival."""
    return tuple(kind for kind, each in KINDS.items() if _has_any(component, each.methods))


def contracts_of(component: object) -> tuple[type[Any], ...]:
    """Return the contracts that a component must fulfil, because it has their deciding methods."""
    return tuple(each for each in all_contracts() if has_method(component, deciding_method(each) or ""))


def all_contracts() -> tuple[type[Any], ...]:
    """Return all contracts that have a deciding method."""
    _import_all()
    contracts = dict.fromkeys(each.contract for each in CHECKS.values())
    return tuple(each for each in contracts if deciding_method(each))


def deciding_method(contract: type[Any]) -> str | None:
    """Return the method by which the registry recognises components with a contract.

    It is None if the contract extends another one, as `TriggeredGoal` extends `Goal`, or does not belong to a kind.
    """
    every = {method for kind in KINDS.values() for method in kind.methods}
    all_, own = every & set(dir(contract)), every & set(vars(contract))
    return own.pop() if len(all_) == 1 and own else None


def _is_basic(function: Callable[..., None]) -> bool:
    registered = CHECKS.get(function.__name__)
    return registered is not None and registered.function is function and registered.basic


def _grouped(messages: Mapping[str, str]) -> list[str]:
    """Return a line for each reason of a failure, with the checks that failed for it."""
    names: dict[str, list[str]] = {}
    for name, message in messages.items():
        names.setdefault(message, []).append(name)
    return [
        f"- {several[0]}: {message}"
        if len(several) == 1
        else f"- {len(several)} checks: {message} ({', '.join(several)})"
        for message, several in names.items()
    ]


def _register(function: Any, kind: str | None, quick: bool, basic: bool) -> Any:
    hints = list(get_type_hints(function).values())
    if kind is None and (not hints or hints[0] is type(None)):
        raise TypeError(
            f"The parameter of the check {function.__name__} must have an annotation; it has none. "
            "Annotate it with a contract, or pass a kind: @check('attacks')."
        )
    contract = object if kind is not None else hints[0]
    existing = CHECKS.get(function.__name__)
    if existing is not None and existing.function.__module__ != function.__module__:
        module = existing.function.__module__
        raise TypeError(f"{module} already has a check named '{function.__name__}'. Use another name.")
    CHECKS[function.__name__] = Registered(function, contract, kind, quick, basic)
    return function


@cache
def _import_all() -> None:
    """Import every file of checks. Each file registers its own checks, so that no list of them is necessary."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if not module.name.startswith("_"):
            importlib.import_module(f"antivenom.testing.{module.name}")


def _is_listed(component: object, name: str) -> bool:
    """Return whether `dir` lists a name, without making the list."""
    if type(component).__dir__ is not object.__dir__:
        return name in dir(component)
    return name in getattr(component, "__dict__", ()) or any(name in vars(each) for each in type(component).__mro__)


def _has_any(component: object, methods: tuple[str, ...]) -> bool:
    return any(has_method(component, method) for method in methods)


def _why_none(component: object) -> str:
    if isinstance(component, type):
        return "it is a class. Pass an instance of it."
    if other := wrong_method(component, all_contracts()):
        return other
    methods = ", ".join(sorted({method for kind in KINDS.values() for method in kind.methods}))
    return f"it must have at least one of the methods {methods}."


def _message(error: Exception, component: object) -> str:
    return str(error) if isinstance(error, AssertionError | AntivenomError) else f"it raised {raised(error, component)}"
