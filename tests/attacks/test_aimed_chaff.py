"""Points that are aimed at a prediction."""

from typing import Any

import pytest
import torch

from antivenom.attacks import AimedChaff, Chaff
from antivenom.data.sources import Plane
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import Estimator
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import OwnFit


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
        AimedChaff(at=(-2.0, -2.0)).poison(toy_images(), rng=Rng(0), surrogate=model)
    for settings in ({"low": 1.0, "high": -1.0}, {"low": 1.0}):
        with pytest.raises(SettingsError, match="needs low < high"):
            AimedChaff(at=(0.0, 0.0), **settings)
