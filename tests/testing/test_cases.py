"""Every registered component with every check: which are found, how they are tried, and what hides one alone."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import pytest

from antivenom import registry
from antivenom.attacks import BadNets
from antivenom.registry import KINDS, entries
from antivenom.settings import component
from antivenom.testing import Trial, cases, checks_for

GENERAL = {"declares_its_contract", "settings_round_trip"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_checks_of_its_own(kind: str) -> None:
    assert {case.check.__name__ for case in cases(kind)} - GENERAL
    assert {case.name for case in cases(kind)} >= set(entries(kind))


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of somebody else's with an attack."""
    module = ModuleType("their_package")
    monkeypatch.setitem(sys.modules, "their_package", module)
    point = EntryPoint(name="theirs", value="their_package:Theirs", group="antivenom.attacks")
    monkeypatch.setattr(registry.plugins, "entry_points", lambda group: [point] if group == "antivenom.attacks" else [])
    entries.cache_clear()
    yield module
    monkeypatch.undo()
    entries.cache_clear()


def theirs(trial: Trial) -> type[Any]:
    return component(type("Theirs", (BadNets,), {"trial": trial, "__module__": "their_package"}))


def test_components_of_other_packages_are_tried_as_they_say(plugin: ModuleType) -> None:
    plugin.Theirs = theirs(Trial(settings={"target": 2}, quick={"rate": 0.5}, waive={"attack_has_an_effect": "a test"}))  # type: ignore[attr-defined]
    found = [case for case in cases("attacks") if case.name == "theirs"]
    assert {case.component.target for case in found} == {2}
    assert "attack_has_an_effect" not in {case.check.__name__ for case in found}
    assert len(found) == len(checks_for(plugin.Theirs())) - 1
    modes = {case.name: case.component.mode for case in cases("attacks") if case.name.startswith("theirs")}
    assert modes == {"theirs": "replace", "theirs:append": "append"}
    quick = [case for case in cases("attacks", quick=True) if case.name.startswith("theirs")]
    assert {(case.name, case.component.rate) for case in quick} == {("theirs", 0.5)}
    assert 0 < len(quick) < len(found)
    waived = [case.check.__name__ for case in cases("attacks", waived=True) if case.name == "theirs"]
    assert waived == ["attack_has_an_effect"]


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        (Trial(settings={"targt": 2}), "Theirs.targt is not a setting. Did you mean 'target'?"),
        (Trial(waive={"attack_is_perfect": "it is not"}), "no such check of Theirs: 'attack_is_perfect'"),
        (None, "Theirs.trial must be a Trial; got None."),
    ],
)
def test_one_that_cannot_be_tried_fails_alone_and_says_why(plugin: ModuleType, trial: Any, said: str) -> None:
    plugin.Theirs = theirs(trial)  # type: ignore[attr-defined]
    found = cases("attacks")
    assert {case.name for case in found} > {"theirs", "badnets"}
    (case,) = (case for case in found if case.name.startswith("theirs"))
    with pytest.raises(AssertionError) as caught:
        case.check(case.component)
    assert said in str(caught.value)
