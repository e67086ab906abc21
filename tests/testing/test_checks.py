"""The register of checks: what applies to what, what is reported, and what is refused."""

import dataclasses
from typing import Any, Protocol, runtime_checkable

import pytest
import torch

from antivenom.attacks import LabelFlip
from antivenom.data.sources.folder import Folder
from antivenom.defences import LossMonitor, NeuralCleanse
from antivenom.errors import SettingsError
from antivenom.goals import Availability, Backdoor
from antivenom.models import MLP, as_classifier
from antivenom.runner import Experiment
from antivenom.settings import component
from antivenom.settings.fields import checked, fields_of
from antivenom.testing import (
    check,
    check_classifier,
    check_component,
    checks_for,
    register,
    toy_images,
    toy_network,
)
from antivenom.testing.components import declares_its_contract, settings_round_trip
from antivenom.training import Online
from antivenom.triggers import Patch
from tests.helpers import faulty


def names(made: Any) -> set[str]:
    return {each.__name__ for each in checks_for(made)}


GENERAL = {"declares_its_contract", "settings_round_trip"}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (LabelFlip(), {"attack"}),
        (LossMonitor(), {"detector"}),
        (NeuralCleanse(), {"scan"}),
        (faulty.FaultyFilter(), {"filter"}),
        (faulty.FaultyStreamDefence(), {"stream"}),
        (Availability(), {"goal"}),
        (MLP(), {"model", "classifier"}),
        (Patch(), {"trigger"}),
        (Folder(path="x"), {"source"}),
        (Online(), {"training", "arrival"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_says_which_checks_apply(made: Any, words: set[str]) -> None:
    found = names(made)
    assert found >= GENERAL
    assert {each.partition("_")[0] for each in found - GENERAL} == words


def test_a_contract_that_adds_to_another_has_checks_of_its_own() -> None:
    assert "goal_changes_only_inputs" in names(Backdoor(trigger=Patch(), target=1))
    assert "goal_changes_only_inputs" not in names(Availability())


def test_one_error_lists_everything_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError) as caught:
        check_component(TwoFaults())
    lines = str(caught.value).splitlines()
    assert lines[0] == "TwoFaults fails 2 of 5 checks."
    assert [line.partition(":")[0] for line in lines[1:]] == ["- settings_round_trip", "- goal_success_is_reproducible"]
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None, "a script prints one error, and not one for each check"
    monkeypatch.setenv("ANTIVENOM_DEBUG", "1")
    with pytest.raises(AssertionError) as caught:
        check_component(TwoFaults())
    assert isinstance(caught.value.__cause__, ExceptionGroup)


def test_after_a_basic_mistake_no_other_check_runs() -> None:
    with pytest.raises(AssertionError) as caught:
        check_component(ListFilter())
    title, *lines = str(caught.value).splitlines()
    total = len(checks_for(ListFilter()))  # the contract is right; the scores are the second check
    assert title == f"ListFilter fails 1 of {total} checks. The other {total - 2} depend on it and did not run."
    wrong = f"{__name__}:ListFilter.suspicion must return a tensor of float numbers; got a list."
    assert lines == [f"- filter_scores_each_input: {wrong}"]


def test_one_reason_of_several_failures_is_one_line() -> None:
    with pytest.raises(AssertionError) as caught:
        check_component(NoScan())
    title, *lines = str(caught.value).splitlines()
    assert title == f"NoScan fails 5 of {len(checks_for(NoScan()))} checks."
    same = f"{__name__}:NoScan.scan must return a Verdict; got None."
    names = (
        "scan_converts_rows_in_batches, scan_does_not_change_its_inputs, scan_is_reproducible, scan_finds_a_backdoor, "
        "scan_takes_unusual_modules"
    )
    assert lines[-1] == f"- 5 checks: {same} ({names})"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("WrongMethod", "A filter's method is `suspicion`; WrongMethod has `score`."),
        (
            "NoField",
            "The field false_rejection_rate is missing. "
            "Add `false_rejection_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05`.",
        ),
    ],
)
def test_the_check_and_the_run_say_what_a_filter_lacks(broken: str, said: str) -> None:
    made = {"WrongMethod": WrongMethod, "NoField": NoField}[broken]()
    with pytest.raises(AssertionError) as caught:
        check_component(made)
    assert str(caught.value).splitlines()[1:] == [f"- declares_its_contract: {said}"]
    fields = {field.name: field for field in fields_of(Experiment)}
    refused = checked(fields["defences"], (made,), "defences")[1] or ""
    assert refused.startswith("defences[0]")
    assert refused.endswith(said)


def test_an_object_with_the_fields_of_a_filter_is_told_its_method() -> None:
    with pytest.raises(AssertionError, match=r"A filter's method is `suspicion`; NoMethod does not have it\."):
        check_component(NoMethod())


def test_a_check_in_which_the_component_raises_has_failed() -> None:
    with pytest.raises(AssertionError, match="goal_success_is_a_share: it raised ZeroDivisionError: "):
        check_component(Dividing())


@component
class ListFilter:
    """Returns a list."""

    false_rejection_rate: float = 0.1

    def suspicion(self, x: Any, classifier: Any, *, rng: Any, clean: Any) -> list[float]:
        return [0.5] * len(x)


@component
class NoScan:
    """Returns nothing."""

    def scan(self, classifier: Any, clean: Any, *, rng: Any) -> None: ...


@component
class NoField:
    """A filter without a promise."""

    def suspicion(self, x: Any, classifier: Any, *, rng: Any, clean: Any) -> Any: ...


@component
class WrongMethod:
    """A filter with the method of a detector."""

    false_rejection_rate: float = 0.1

    def score(self, x: Any, classifier: Any, *, rng: Any, clean: Any) -> Any: ...


@component
class NoMethod:
    """A filter without a method."""

    false_rejection_rate: float = 0.1


@dataclasses.dataclass
class TwoFaults:
    """Not frozen, and another number each time."""

    value: float = 0.0
    needs = frozenset[str]()

    def success(self, classifier: Any, test: Any) -> float:
        self.value += 1 / 1024
        return self.value


@component
class Dividing:
    def success(self, classifier: Any, test: Any) -> float:
        return 1.0 if len(test) and torch.ones(1).item() else 1 / 0


@component
class NoPromise:
    """A detector that does not say how many false alarms it may raise."""

    def score(self, data: Any, classifier: Any, *, rng: Any, clean: Any = None) -> Any: ...


class StrangeNeeds:
    needs = frozenset({"luck"})

    def success(self, classifier: Any, test: Any) -> None: ...


class Unordered(StrangeNeeds):
    needs = ["gradients"]  # noqa: RUF012


@component
class Forgetful:
    value: int = 0

    def success(self, classifier: Any, test: Any) -> None: ...

    def __reduce__(self) -> Any:
        return Forgetful, ()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (NoPromise(), "The field false_alarm_rate is missing. Add `false_alarm_rate: Annotated"),
        (StrangeNeeds(), "unknown needs: luck"),
        (Unordered(), "must be a frozenset"),
    ],
)
def test_a_component_that_does_not_declare_its_contract_is_caught(broken: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        declares_its_contract(broken)


@pytest.mark.parametrize(
    ("broken", "said"),
    [(TwoFaults(), "decorate it with @component"), (StrangeNeeds(), "dataclass"), (Forgetful(value=1), "a copy")],
)
def test_settings_that_do_not_survive_are_caught(broken: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        settings_round_trip(broken)


def test_an_attack_without_its_contract_is_told_what_is_missing() -> None:
    class Bare:
        def poison(self) -> None: ...

    with pytest.raises(AssertionError, match="inherit PoisonBudget"):
        check_component(Bare())


def test_a_waiver_names_a_check_and_has_a_reason() -> None:
    with pytest.raises(AssertionError, match=r"no such check of LabelFlip: 'attack_is_reproducable'.*attack_is_repr"):
        check_component(LabelFlip(), waive={"attack_is_reproducable": "it is not"})
    with pytest.raises(AssertionError, match="no such check"):
        check_component(LabelFlip(), waive={"goal_success_is_a_share": "of another kind"})
    with pytest.raises(SettingsError, match="must be a reason, in words"):
        check_component(LabelFlip(), waive={"attack_is_reproducible": " "})
    classifier = as_classifier(toy_network((1, 6, 6), 4), input_shape=(1, 6, 6))
    with pytest.raises(AssertionError, match="no such check"):
        check_classifier(classifier, toy_images(60), waive={"attack_is_reproducible": "it is none"})


def test_a_waived_check_does_not_run() -> None:
    reasons = {"goal_success_is_a_share": "for this test"}
    check_component(faulty.FaultyGoal(fault="is above one"), waive=reasons)
    with pytest.raises(AssertionError, match=r"goal_success_is_a_share: success .*; got 1\.5"):
        check_component(faulty.FaultyGoal(fault="is above one"))


@pytest.mark.parametrize(
    ("given", "said"), [(LabelFlip, "it is a class"), (object(), "at least one of the methods apply, ")]
)
def test_what_is_no_component_is_refused(given: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_component(given)


@pytest.fixture
def own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    checks_for(Patch())
    monkeypatch.setattr(register, "CHECKS", dict(register.CHECKS))


@runtime_checkable
class Steeper(Protocol):
    def steep(self) -> float: ...


class Tea:
    def steep(self) -> float:
        return 1.0


@pytest.mark.usefixtures("own_register")
def test_a_new_check_is_one_function() -> None:
    @check
    def steeper_steeps(steeper: Steeper) -> None: ...

    @check("triggers", quick=True)
    def trigger_is_there(trigger: object) -> None: ...

    assert checks_for(Tea()) == (steeper_steeps,)
    assert trigger_is_there in checks_for(Patch(), quick=True)
    assert trigger_is_there not in checks_for(LabelFlip())


@pytest.mark.usefixtures("own_register")
def test_a_check_says_what_it_is_of_and_has_a_name_of_its_own() -> None:
    with pytest.raises(TypeError, match="The parameter of the check nothing_known must have an annotation"):

        @check
        def nothing_known(it):  # type: ignore[no-untyped-def]
            ...

    with pytest.raises(TypeError, match="already has a check named 'trigger_is_a_pure_function'"):

        @check("triggers")
        def trigger_is_a_pure_function(trigger: object) -> None: ...
