"""Points that are aimed at a prediction."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from antivenom.attacks import AimedChaff, Chaff
from antivenom.attacks.aimed_chaff import calls_until_flip
from antivenom.data.sources import Plane
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import MLP, Estimator
from antivenom.models.optimizers import Optimizer
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, OwnFit


def calls_until(model: Any, at: tuple[float, float], x: torch.Tensor, y: torch.Tensor) -> int:
    learner, target = model.copy(), torch.tensor([at])
    for call in range(1, 40):
        learner.learn(x, y)
        if int(learner.scores(target).argmax(1)) == int(y[0]):
            return call
    return 99


@pytest.mark.slow
@pytest.mark.parametrize("at", [(-2.0, -0.5), (-1.5, -0.7), (0.0, 0.0)])
def test_aimed_points_turn_a_prediction_in_fewer_calls(at: tuple[float, float]) -> None:
    train = Plane().load().train
    model = Estimator(class_name="MLPClassifier", settings={"max_iter": 600}, random_state=123)
    blank = model.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    model = OwnFit().fit(blank, train, rng=Rng(0))
    hand = Chaff().poison(train, rng=Rng(0))
    aimed = AimedChaff(at=at, evaluations=150).poison(train, rng=Rng(0), surrogate=model)
    there = torch.tensor([at]).repeat(5, 1)
    calls = [calls_until(model, at, each, aimed.y) for each in (aimed.x, there, hand.x)]
    assert calls[0] < calls[2], "the five points placed by hand are as good"
    assert calls[0] <= calls[1], "five points at the place itself are better"
    assert aimed.y.tolist() == [1] * 5


@pytest.mark.slow
def test_the_search_looks_further_than_the_calls_and_learns_like_the_victim() -> None:
    train = Plane().load().train
    blank = MLP().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    model = EndToEnd(epochs=100, learning_rate=0.01, batch_size=32).fit(blank, train, rng=Rng(0))
    at = (-2.0, -0.5)
    slow = AimedChaff(at=at, evaluations=90, calls=1)
    fast = replace(slow, optimizer="adam", learning_rate=0.01)
    placed = [each.poison(train, rng=Rng(0), surrogate=model) for each in (slow, fast)]
    victim = model.copy()
    victim.optimizer = Optimizer(name="adam", learning_rate=0.01)
    calls = [calls_until(victim, at, each.x, each.y) for each in placed]
    assert 1 < calls[1] <= calls[0], "no placement flips within one call, and the search still finds a good one"
    far = torch.tensor([[2.9, -2.9]]).repeat(5, 1)
    assert calls[1] < calls_until(victim, at, far, placed[1].y)


def test_calls_until_flip_counts_calls_and_then_the_margin() -> None:
    train = Plane().load().train
    linear = Estimator(class_name="SGDClassifier", settings={"loss": "log_loss"}, random_state=0)
    model = OwnFit().fit(linear.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)), train, rng=Rng(0))
    at, labels = (-2.0, -0.5), torch.ones(5, dtype=torch.long)
    here = np.tile(at, (5, 1))
    calls = calls_until(model, at, torch.tensor([at]).repeat(5, 1), labels)
    assert calls - 1 <= calls_until_flip(model, torch.tensor([at]), here, labels, 40) <= calls
    there = np.tile([2.0, 2.0], (5, 1))  # the right side already
    assert 3 < calls_until_flip(model, torch.tensor([at]), there, labels, 3) < 5


def test_settings_of_an_optimizer_require_a_module() -> None:
    train = Plane().load().train
    linear = Estimator(class_name="SGDClassifier", settings={"loss": "log_loss"})
    model = OwnFit().fit(linear.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)), train, rng=Rng(0))
    with pytest.raises(SettingsError, match=r"require an nn\.Module"):
        AimedChaff(at=(-2.0, -2.0), learning_rate=0.01).poison(train, rng=Rng(0), surrogate=model)


def test_what_cannot_be_aimed_at() -> None:
    train = Plane().load().train
    model = Estimator(class_name="SGDClassifier", settings={"loss": "log_loss"})
    blank = model.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    model = OwnFit().fit(blank, train, rng=Rng(0))
    with pytest.raises(SettingsError, match="already predicts"):
        AimedChaff(at=(-2.0, -2.0), label=0).poison(train, rng=Rng(0), surrogate=model)
    with pytest.raises(CapabilityError, match="surrogate"):
        AimedChaff(at=(-2.0, -2.0)).poison(train, rng=Rng(0))
    with pytest.raises(SettingsError, match="plane"):
        images = MLP().build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
        AimedChaff(at=(-2.0, -2.0)).poison(toy_images(), rng=Rng(0), surrogate=images)
    for settings in ({"low": 1.0, "high": -1.0}, {"low": 1.0}):
        with pytest.raises(SettingsError, match="needs low < high"):
            AimedChaff(at=(0.0, 0.0), **settings)
