"""The headline of an attack without a trigger."""

from dataclasses import replace

import pytest

from antivenom.data.sources import Plane
from antivenom.goals import Backdoor, SingleInput
from antivenom.runner.scoring.headline import headline, targets_in_words
from antivenom.testing import toy_images
from antivenom.triggers import Patch


@pytest.mark.parametrize(
    ("victim", "control", "sentence"),
    [
        (1.0, 1.0, "the attack has no effect: victim and control both make the wanted mistake in 100.0 % of attempts."),
        (1.0, 0.0, "the attacker succeeds in 100.0 % of attempts (control: 0.0 %)."),
    ],
)
def test_an_attack_that_the_control_equals_has_no_effect(victim: float, control: float, sentence: str) -> None:
    values = {
        "attack.poison_rate": 0.05,
        "model.clean_accuracy": 0.9,
        "model.clean_accuracy.control": 0.9,
        "model.accuracy_drop": 0.0,
        "attack.success_rate": victim,
        "attack.success_rate.control": control,
    }
    metrics = {name: {"mean": value} for name, value in values.items()}
    goal = SingleInput(row=(0.0, 0.0), target=1)
    assert sentence in headline(metrics, "aimed_chaff", goal, Plane().load().test)


def test_a_target_whose_name_is_another_number_has_both() -> None:
    data = toy_images(8)
    goal = Backdoor(trigger=Patch(), target=1)
    assert targets_in_words(goal, replace(data, classes=("1", "2", "3", "4"))) == "class 1 ('2')"
    assert targets_in_words(goal, replace(data, classes=("0", "1", "2", "3"))) == "class 1"
    assert targets_in_words(goal, replace(data, classes=("cat", "dog", "emu", "fox"))) == "class dog"
