"""The reasons why an object does not fulfil a contract, in sentences that say what to write."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from antivenom.registry import KINDS

F = TypeVar("F", bound=Callable[..., Any])
WRITTEN = "__antivenom_written__"
"""The attribute of a contract's field with the text that declares it in a component."""


def written(text: str) -> Callable[[F], F]:
    """Mark a field of a contract with its declaration in a component, for messages about a missing field.

    >>> @written("float = 0.05")
    ... def rate(self: object) -> float: ...
    """

    def mark(function: F) -> F:
        setattr(function, WRITTEN, text)
        return function

    return mark


def lacking(value: object, contract: type[Any]) -> list[str]:
    """Return the members of a protocol that a value does not have; the name of a class if it is not its instance."""
    if not vars(contract).get("_is_protocol", False):
        return [] if isinstance(value, contract) else [contract.__name__]
    members, own = (name for name in dir(contract) if not name.startswith("_")), dir(value)
    return [name for name in members if name not in own]


def missing_field(contract: type[Any], name: str) -> str:
    """Return what to write if a component does not have a field of its contract.

    >>> from antivenom.defences import Filter
    >>> missing_field(Filter, "false_rejection_rate").partition(" Add ")[2]
    '`false_rejection_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05`.'
    """
    if name == "needs":
        return "`needs` is missing. Decorate the class with @component."
    member = inspect.getattr_static(contract, name)
    text = vars(member.fget).get(WRITTEN) if isinstance(member, property) else None
    advice = f" Add `{name}: {text}`." if text else ""
    return f"The {'field' if isinstance(member, property) else 'method'} {name} is missing.{advice}"


def wrong_method(value: object, contracts: Sequence[type[Any]]) -> str | None:
    """Return a sentence about an object that has the fields of one contract, but not its method; otherwise None.

    Args:
        value: the object.
        contracts: the contracts of one or several kinds.
    """
    for contract in contracts:
        method = _method_of(contract)
        absent = lacking(value, contract)
        if method is None or absent != [method] or not _own_fields(contract, contracts):
            continue
        word, others = _methods()[method], [name for name in _methods() if name != method and name in dir(value)]
        others += get_close_matches(method, [each for each in vars(type(value)) if each not in others])
        name = type(value).__name__
        has = f"{name} has `{others[0]}`" if others else f"{name} does not have it"
        return f"A {word}'s method is `{method}`; {has}."
    return None


def _own_fields(contract: type[Any], contracts: Iterable[type[Any]]) -> set[str]:
    """Return the fields of a contract that no other contract has."""
    others = [set(dir(each)) for each in contracts if each is not contract]
    return _fields(contract) - set().union(*others)


def _fields(contract: type[Any]) -> set[str]:
    names = (name for name in dir(contract) if not name.startswith("_"))
    return {name for name in names if isinstance(inspect.getattr_static(contract, name), property)}


def _method_of(contract: type[Any]) -> str | None:
    return next((name for name in _methods() if name in dir(contract)), None)


def _methods() -> Mapping[str, str]:
    """Return the methods by which components are recognised, with the word for the component."""
    return {name: kind.contract_of((name,)) for kind in KINDS.values() for name in kind.methods}
