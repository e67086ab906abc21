"""Each check can fail: a component that breaks one promise is caught; the same one without the fault passes."""

from typing import Any

import pytest
import torch
from torch import nn

from antivenom.errors import ComponentError
from antivenom.models import ModuleClassifier
from antivenom.testing import check_component, checks_for, on_device, toy_images
from antivenom.testing import classifiers as of_classifiers
from antivenom.testing.register import Check
from tests.helpers import faulty
from tests.helpers.toys import FaultyAttack

pytestmark = pytest.mark.slow  # every check once more, on a broken component

WRITES, DRAWS, ANEW = "writes into its inputs", "draws from the global stream", "is not reproducible"
DEAF, WHOLE = "ignores its stream", "converts all rows"

FAULTS: dict[type[Any], list[tuple[str, str]]] = {
    FaultyAttack: [
        (WHOLE, "attack_converts_rows_in_batches"),
        ("writes into the data", "attack_does_not_change_its_inputs"),
        (DRAWS, "attack_does_not_change_its_inputs"),
        (DEAF, "attack_is_reproducible"),
        ("ignores its rate", "attack_keeps_its_rate"),
        ("appends without saying so", "attack_reports_its_rows"),
        ("leaves the bounds", "attack_keeps_type_and_bounds"),
        ("gives covers a wrong label", "attack_keeps_its_cover_rate"),
        ("counts covers as poison", "attack_keeps_its_cover_rate"),
        ("does nothing", "attack_has_an_effect"),
    ],
    faulty.FaultyGoal: [
        (WRITES, "goal_does_not_change_its_inputs"),
        (DRAWS, "goal_does_not_change_its_inputs"),
        ("is above one", "goal_success_is_a_share"),
        ("is a text", "goal_success_is_a_share"),
        ("remembers", "goal_success_is_reproducible"),
        ("looks at the order", "goal_success_is_reproducible"),
    ],
    faulty.FaultyTriggeredGoal: [
        (WHOLE, "goal_converts_rows_in_batches"),
        ("attacks the wanted class", "goal_changes_only_inputs"),
        ("has no trigger", "goal_changes_only_inputs"),
        ("changes the labels", "goal_changes_only_inputs"),
        ("wants no class", "goal_changes_only_inputs"),
    ],
    faulty.FaultyFilter: [
        (WRITES, "filter_does_not_change_its_inputs"),
        (DRAWS, "filter_does_not_change_its_inputs"),
        ("writes into the clean rows", "filter_does_not_change_its_inputs"),
        ("gives a number a class", "filter_scores_each_input"),
        ("is not finite", "filter_scores_each_input"),
        (ANEW, "filter_is_reproducible"),
        ("looks at the others", "filter_scores_inputs_independently"),
        ("draws noise for each row", "filter_scores_inputs_independently"),
    ],
    faulty.FaultyArrival: [
        (WRITES, "arrival_does_not_change_its_inputs"),
        (DRAWS, "arrival_does_not_change_its_inputs"),
        (ANEW, "arrival_is_reproducible"),
        (DEAF, "arrival_is_reproducible"),
        ("drops a row", "arrival_includes_every_row"),
        ("repeats a row", "arrival_includes_every_row"),
        ("lets the attacker order", "arrival_keeps_the_order_of_clean_rows"),
    ],
    faulty.FaultySurrogate: [
        ("names no model", "surrogate_has_a_recipe"),
        (WRITES, "surrogate_knows_rows_of_the_data"),
        (ANEW, "surrogate_knows_rows_of_the_data"),
        ("knows other rows", "surrogate_knows_rows_of_the_data"),
    ],
    faulty.FaultyTrigger: [
        (WRITES, "trigger_is_a_pure_function"),
        (DRAWS, "trigger_is_a_pure_function"),
        ("changes nothing", "trigger_is_a_pure_function"),
        ("leaves the bounds", "trigger_is_a_pure_function"),
    ],
    faulty.FaultySource: [
        (DRAWS, "source_loads_the_same_twice"),
        (ANEW, "source_loads_the_same_twice"),
        ("names a missing file", "source_loads_the_same_twice"),
    ],
    faulty.FaultyModel: [
        (DRAWS, "model_builds_from_its_stream"),
        (DEAF, "model_builds_from_its_stream"),
        (ANEW, "model_builds_from_its_stream"),
    ],
    faulty.FaultyTraining: [
        (WRITES, "training_does_not_change_its_inputs"),
        (ANEW, "training_is_reproducible"),
        (DEAF, "training_is_reproducible"),
        ("does not learn", "training_learns"),
        ("calls no callback", "training_learns"),
    ],
    faulty.FaultyDetector: [
        (WHOLE, "detector_converts_rows_in_batches"),
        (WRITES, "detector_does_not_change_its_inputs"),
        (ANEW, "detector_is_reproducible"),
        ("looks at the order", "detector_ignores_the_order"),
        ("finds nothing", "detector_finds_wrong_labels"),
    ],
    faulty.FaultyScan: [
        (WHOLE, "scan_converts_rows_in_batches"),
        (WRITES, "scan_does_not_change_its_inputs"),
        (ANEW, "scan_is_reproducible"),
        ("finds nothing", "scan_finds_a_backdoor"),
    ],
    faulty.FaultyStreamDefence: [
        (WRITES, "stream_defence_does_not_change_its_inputs"),
        ("goes back to no checkpoint", "stream_defence_does_not_change_its_inputs"),
        (ANEW, "stream_defence_is_reproducible"),
        ("finds nothing", "stream_defence_finds_a_burst"),
    ],
    faulty.FaultyRepair: [
        (WHOLE, "repair_converts_rows_in_batches"),
        (WRITES, "repair_does_not_change_its_inputs"),
        ("gives the same classifier", "repair_does_not_change_its_inputs"),
        (ANEW, "repair_is_reproducible"),
        ("forgets everything", "repair_keeps_the_accuracy"),
    ],
    faulty.FaultyAnalysis: [
        (WHOLE, "analysis_converts_rows_in_batches"),
        (DRAWS, "analysis_does_not_change_its_inputs"),
        (ANEW, "analysis_is_reproducible"),
        ("describes nothing", "analysis_describes_itself"),
    ],
}


def named(component: Any, name: str) -> Check:
    return next(check for check in checks_for(component) if check.__name__ == name)


@pytest.mark.parametrize(
    ("cls", "fault", "name"),
    [(cls, *each) for cls, faults in FAULTS.items() for each in faults],
)
def test_a_fault_is_caught_and_its_absence_is_not(cls: type[Any], fault: str, name: str) -> None:
    named(cls(), name)(cls())
    with pytest.raises((AssertionError, ComponentError)):
        named(cls(), name)(cls(fault=fault))


def test_an_arrival_that_stays_on_the_cpu_is_caught(device: torch.device) -> None:
    with on_device(device):
        named(faulty.FaultyArrival(), "arrival_keeps_the_device")(faulty.FaultyArrival())
        with pytest.raises(AssertionError, match="the positions on cpu"):
            named(faulty.FaultyArrival(), "arrival_keeps_the_device")(faulty.FaultyArrival(fault="stays on the CPU"))


class Sound(ModuleClassifier):
    """A network of a module."""


class Nameless(Sound):
    name = ""


class LooksAtTheOthers(Sound):
    def scores(self, x: Any) -> Any:
        return super().scores(x) - super().scores(x).mean(0)


class SharesItself(Sound):
    def copy(self) -> Any:
        return self


class NeverFresh(Sound):
    def fresh(self, rng: Any) -> Any:
        return self.copy()


class Forgets(Sound):
    def with_state(self, state: Any) -> Any:
        return self.copy()


class TakesAnyLayer(Sound):
    def features(self, x: Any, layer: Any = None) -> Any:
        return super().features(x, None)


class HeadOfOneWidth(Sound):
    def with_head(self, classes: int, rng: Any) -> Any:
        return self.copy()


class NeverLearns(Sound):
    def learn(self, x: Any, y: Any) -> float:
        return 1.0


class NoGradient(Sound):
    def logits(self, x: Any) -> Any:
        return super().logits(x) * 0


@pytest.mark.parametrize(
    ("cls", "check"),
    [
        (Nameless, of_classifiers.classifier_describes_its_inputs),
        (LooksAtTheOthers, of_classifiers.classifier_scores_any_number_of_rows),
        (SharesItself, of_classifiers.classifier_copies_are_independent),
        (NeverFresh, of_classifiers.classifier_draws_new_weights),
        (Forgets, of_classifiers.classifier_keeps_its_state),
        (TakesAnyLayer, of_classifiers.classifier_has_features),
        (HeadOfOneWidth, of_classifiers.classifier_changes_its_head),
        (NeverLearns, of_classifiers.classifier_learns),
        (NoGradient, of_classifiers.classifier_has_gradients),
    ],
)
def test_a_faulty_classifier_is_caught_and_a_sound_one_is_not(cls: type[Any], check: Any) -> None:
    data = toy_images(60)
    made = [
        each(nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 4)), input_shape=(1, 6, 6))
        for each in (Sound, cls)
    ]
    check(made[0], data)
    with pytest.raises(AssertionError):
        check(made[1], data)


def test_a_filter_may_use_one_noise_pattern_for_all_rows() -> None:
    check_component(faulty.FaultyFilter(fault="one pattern of noise"))
