"""Pruning a planted backdoor."""

import pytest
import torch
from torch import nn

from antivenom.errors import CapabilityError
from antivenom.metrics import accuracy
from antivenom.models import CNN, MLP, as_classifier
from antivenom.repairs import Pruning
from antivenom.repairs.layer import find_layer
from antivenom.repairs.pruning import contributions, silencing_effects
from antivenom.rng import Rng
from antivenom.testing import toy_images
from tests.helpers.planted import planted


def test_the_layer_that_is_pruned() -> None:
    built = {"input_shape": (1, 6, 6), "classes": 4, "bounds": (0.0, 1.0), "rng": Rng(0)}
    convolutional, dense = CNN(filters=(4, 4), hidden=(8,)).build(**built), MLP(hidden=(8, 6)).build(**built)
    assert find_layer(convolutional, None) == "conv_2"
    assert find_layer(convolutional, "penultimate") == "hidden_1"
    assert find_layer(convolutional, "conv_1") == "conv_1"
    assert find_layer(dense, None) == find_layer(dense, "penultimate") == "hidden_2"
    with pytest.raises(CapabilityError, match="requires a hidden layer"):
        find_layer(MLP(hidden=()).build(**built), None)


def test_pruning_by_effect_keeps_more_than_by_activation() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(400, seed=1), toy_images(400, seed=2)
    by_effect = Pruning(limit=0.05).repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert (goal.success(by_effect, test) or 0) < 0.2
    assert accuracy(by_effect, test) > accuracy(victim, test) - 0.06
    silent = (by_effect.state()["conv_1.weight"].flatten(1).abs().sum(1) == 0).sum()
    assert 0 < int(silent) < 16


def test_the_effect_of_silencing_is_measured_to_first_order() -> None:
    """In a network that is linear behind the layer, the first order is all there is."""
    victim, _, verdict = planted()
    clean = toy_images(64, seed=1)
    linear = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Linear(8, 4)), input_shape=(1, 6, 6))
    x = clean.inputs()
    got = contributions(linear, clean, "1", first_logit)
    before = float(first_logit(linear.logits(x)).detach())
    for unit in range(8):
        without = linear.silence("1", torch.tensor([unit]))
        assert float(got[unit]) == pytest.approx(before - float(first_logit(without.logits(x)).detach()), abs=1e-4)
    assert silencing_effects(victim, clean, verdict.triggers, (2,), "conv_1").shape == (16,)


def first_logit(logits: torch.Tensor, _: slice = slice(0)) -> torch.Tensor:
    return logits[:, 0].sum()
