"""What every component promises, of whatever kind."""

import dataclasses
import json
import pickle  # noqa: TID251 - settings made here are copied; no file is read

from antivenom.settings import LIVE, NEEDS, DeclaresNeeds, build, describe
from antivenom.testing._checks import check, contracts_of, kinds_of


@check
def declares_its_contract(component: object) -> None:
    """It has every member that its contract names, and its needs are words that the runner knows."""
    for contract in contracts_of(component):
        missing = [name for name in dir(contract) if not name.startswith("_") and name not in dir(component)]
        assert not missing, f"every {contract.__name__} has {', '.join(missing)}; it does not"
    assert isinstance(component, DeclaresNeeds), "it lacks `needs`; decorate it with @component"
    needs = component.needs
    assert isinstance(needs, frozenset), f"`needs` must be a frozenset; got {needs!r}"
    assert needs <= NEEDS.keys(), f"unknown needs: {', '.join(sorted(needs - NEEDS.keys()))}"


@check
def settings_round_trip(component: object) -> None:
    """Settings survive JSON and pickle, are frozen, and have a hash."""
    assert dataclasses.is_dataclass(component), "a component is a dataclass; decorate it with @component"
    for kind in kinds_of(component):
        plain = describe(kind, component)
        assert plain["name"] != LIVE, "no spec can name it; decorate it with @component"
        assert build(kind, json.loads(json.dumps(plain)), path=kind, allow_code=True) == component, (
            "settings changed on the way through JSON"
        )
    copied = pickle.loads(pickle.dumps(component))  # noqa: S301
    assert copied == component, "settings changed on the way through pickle"
    assert hash(copied) == hash(component), "two equal ones have different hashes"
    first = next((field.name for field in dataclasses.fields(component)), "x")
    try:
        setattr(component, first, None)
    except dataclasses.FrozenInstanceError:
        return
    raise AssertionError("settings must be frozen")
