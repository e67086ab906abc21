"""Drift and silenced units where a backdoor is known."""

from typing import Any

import pytest
import torch

from antivenom.analysis import drift, neurons, studied_layers
from antivenom.attacks import BadNets
from antivenom.goals import Backdoor
from antivenom.metrics import accuracy
from antivenom.rng import Rng
from antivenom.triggers import Patch
from tests.helpers.trained import TEST, TRAIN, net


@pytest.fixture(scope="module")
def backdoored() -> tuple[Any, Any, Backdoor]:
    attack = BadNets(rate=0.2, target=0, trigger=Patch(size=2, position="bottom_left"))
    poisoned = attack.poison(TRAIN, rng=Rng(0))
    assert isinstance(poisoned.goal, Backdoor)
    return net(data=poisoned.data), net(), poisoned.goal


def test_a_backdoor_moves_deep_layers_and_not_the_first(backdoored: Any) -> None:
    victim, control, goal = backdoored
    assert (goal.success(victim, TEST) or 0) > 0.9
    attacked = goal.triggered(goal.attacked(TEST))
    target = torch.zeros(len(attacked), dtype=torch.int64)
    layers = studied_layers(victim)
    of_victim, of_control = (drift(one, TEST, attacked, target) for one in (victim, control))
    assert of_victim.layers == layers
    last = layers.index("output")
    assert float(of_victim.nearer[last]) > 0.6
    assert float(of_control.nearer[last]) < 0.3
    assert float(of_victim.shift[0]) < 0.5 < float(of_victim.shift[last])
    assert float(of_victim.separation[last]) > 3 * float(of_victim.separation[0])
    clean = drift(victim, TEST)
    assert torch.isnan(clean.shift).all()


def test_drift_is_its_definition(backdoored: Any) -> None:
    victim, _, goal = backdoored
    attacked = goal.triggered(goal.attacked(TEST))
    target = torch.zeros(len(attacked), dtype=torch.int64)
    found = drift(victim, TEST, attacked, target, layers=["hidden_1"])
    features, placed = (victim.features(data.inputs(), "hidden_1").double() for data in (TEST, attacked))
    centres = torch.stack([features[TEST.y == label].mean(0) for label in range(4)])
    within = sum(float((features[TEST.y == label] - centres[label]).square().sum()) for label in range(4))
    between = float((centres[TEST.y] - features.mean(0)).square().sum())
    assert float(found.separation[0]) == pytest.approx(between / within, rel=1e-4)
    start, end = centres[attacked.y], centres[target]
    along = ((placed - start) * (end - start)).sum(1) / (end - start).square().sum(1)
    assert float(found.shift[0]) == pytest.approx(float(along.mean()), rel=1e-4)


def test_silencing_what_answers_to_a_trigger_costs_the_attack_first(backdoored: Any) -> None:
    victim, control, goal = backdoored
    found = neurons(victim, goal, TEST, layer="conv_2")
    assert found.change.shape == (8,)
    assert (found.change[found.order].diff() <= 0).all()
    assert found.silenced.tolist() == list(range(9))
    assert float(found.attack_success_rate[0]) == pytest.approx(goal.success(victim, TEST))
    assert float(found.clean_accuracy[0]) == pytest.approx(accuracy(victim, TEST))
    assert float(found.clean_accuracy[-1]) < 0.5
    most = neurons(control, goal, TEST, layer="conv_2")
    assert float(found.change.max()) > float(most.change.max())
