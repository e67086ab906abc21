"""Every registered component keeps its promises; found by discovery, no list."""

from functools import cache
from typing import Any

import pytest

from antivenom.registry import KINDS, entries
from antivenom.testing import Case, cases, checks_for, try_out
from antivenom.testing.components import settings_round_trip
from antivenom.testing.register import Check
from tests.helpers.component_files import named
from tests.helpers.toys import Covered

QUICK = ("datasets", "goals", "triggers", "arrivals", "surrogates", "models")
"""Kinds whose checks take milliseconds."""


@pytest.mark.usefixtures("component_files")
@pytest.mark.parametrize(("name", "component", "check"), named([case for kind in QUICK for case in cases(kind)]))
def test_every_small_component_keeps_its_promises(name: str, component: Any, check: Check) -> None:
    check(component)


@pytest.mark.slow
@pytest.mark.usefixtures("component_files")
@pytest.mark.parametrize(
    ("name", "component", "check"), named([case for kind in KINDS if kind not in QUICK for case in cases(kind)])
)
def test_every_component_keeps_its_promises(name: str, component: Any, check: Check) -> None:
    check(component)


@pytest.mark.usefixtures("component_files")
@pytest.mark.parametrize("name", [f"{kind}-{name}" for kind in KINDS if kind not in QUICK for name in entries(kind)])
def test_the_settings_of_every_component_survive_a_spec(name: str) -> None:
    kind, _, component = name.partition("-")
    settings_round_trip(try_out(kind, component, quick=True))


@cache
def waived() -> dict[str, list[Case]]:
    """The cases of each waiver: several where an attack is tried in two modes, of which one may not need it."""
    found: dict[str, list[Case]] = {}
    for case in cases(waived=True):
        found.setdefault(f"{case.name.partition(':')[0]}-{case.check.__name__}", []).append(case)
    return found


@pytest.mark.usefixtures("component_files")
@pytest.mark.parametrize("waiver", waived())
def test_every_waiver_is_still_needed(waiver: str) -> None:
    with pytest.raises(Exception):  # noqa: B017 - whatever the component raises, it does not pass
        for case in waived()[waiver]:
            case.check(case.component)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["replace", "append"])
@pytest.mark.parametrize("check", checks_for(Covered()))
def test_an_attack_with_cover_rows_keeps_its_promises(check: Check, mode: Any) -> None:
    check(Covered(mode=mode))
