"""Every registered component keeps its promises; found by discovery, no list."""

from typing import Any

import pytest

from antivenom.testing import Case, cases, checks_for
from antivenom.testing.register import Check
from tests.helpers.component_files import named
from tests.helpers.toys import Covered


@pytest.mark.usefixtures("component_files")
@pytest.mark.parametrize(("name", "component", "check"), named(cases()))
def test_every_component_keeps_its_promises(name: str, component: Any, check: Check) -> None:
    check(component)


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


@pytest.mark.parametrize("mode", ["replace", "append"])
@pytest.mark.parametrize("check", checks_for(Covered()))
def test_an_attack_with_cover_rows_keeps_its_promises(check: Check, mode: Any) -> None:
    check(Covered(mode=mode))
