"""Checks of components of all kinds."""

import copy
import dataclasses

from antivenom.settings import (
    LIVE,
    NEEDS,
    DeclaresNeeds,
    build,
    describe,
    lacking,
    missing_field,
    wrong_method,
)
from antivenom.storage.yaml12 import dump_yaml, parse_yaml
from antivenom.testing.register import all_contracts, check, contracts_of, kinds_of


@check(basic=True)
def declares_its_contract(component: object) -> None:
    """The component has all members of its contracts, and declares needs that the runner knows."""
    for contract in contracts_of(component):
        missing = lacking(component, contract)
        assert not missing, wrong_method(component, all_contracts()) or " ".join(
            missing_field(contract, name) for name in missing
        )
    assert isinstance(component, DeclaresNeeds), "`needs` is missing. Decorate the class with @component."
    needs = component.needs
    assert isinstance(needs, frozenset), f"`needs` must be a frozenset; got {needs!r}"
    unknown = ", ".join(sorted(needs - NEEDS.keys()))
    assert not unknown, f"unknown needs: {unknown}. Use words from {', '.join(NEEDS)}"


@check
def settings_round_trip(component: object) -> None:
    """The settings can be written as YAML and copied, are frozen, and have a hash."""
    assert dataclasses.is_dataclass(component), "a component must be a dataclass; decorate it with @component"
    for kind in kinds_of(component):
        plain = describe(kind, component)
        assert plain["name"] != LIVE, "specs cannot name it; decorate it with @component"
        restored = build(kind, parse_yaml(dump_yaml(plain), "the settings"), path=kind, allow_code=True)
        assert restored == component, "the settings changed when they were written as YAML and read again"
    copied = copy.deepcopy(component)
    assert copied == component, "a copy of the component must be equal to it"
    assert hash(copied) == hash(component), "two components with equal settings must have the same hash"
    first = next((field.name for field in dataclasses.fields(component)), "x")
    try:
        setattr(component, first, None)
    except dataclasses.FrozenInstanceError:
        return
    raise AssertionError("the settings must be frozen; decorate it with @component")
