"""Victims of one training step, with random weights in float64."""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from antivenom.attacks.victim_step import VictimStep
from antivenom.models import CNN, MLP, ModuleClassifier, as_classifier
from antivenom.rng import Rng

STEP = VictimStep(learning_rate=0.5, bias_rate_factor=2.0, stealth=0.3)


def normalised() -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 4)
    )
    with torch.no_grad(), Rng(5).torch_globally():
        net[1].running_mean.normal_()
        net[1].running_var.uniform_(0.5, 2)
        net[1].weight.normal_()
    return net


def strided() -> nn.Module:
    layers = [nn.Conv2d(1, 3, 3, stride=2, dilation=2, padding=2, bias=False), nn.Tanh(), nn.AvgPool2d(2)]
    return nn.Sequential(OrderedDict(trunk=nn.Sequential(*layers), flat=nn.Flatten(), head=nn.Linear(3, 4)))


VICTIMS: dict[str, Any] = {
    "an MLP": MLP(hidden=(12, 8)),
    "a linear classifier": MLP(hidden=()),
    "a CNN with ReLU": CNN(filters=(4,), hidden=(10,)),
    "a CNN with tanh": CNN(filters=(4, 5), hidden=(10,), activation="tanh", filter_shape=2),
    "batch normalisation and dropout": normalised,
    "strides, dilation, no bias": strided,
}


LAYERED = set(VICTIMS) - {"batch normalisation and dropout"}


def victim(name: str = "an MLP", **settings: Any) -> ModuleClassifier:
    """A victim with random weights, in float64."""
    made = VICTIMS[name]
    if isinstance(made, MLP | CNN):
        classifier = made.build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    else:
        with Rng(0).torch_globally():
            classifier = as_classifier(made(), input_shape=(1, 6, 6), **settings)
    classifier.module.double()
    return classifier


def some(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    stream = Rng(seed).child("some").generator()
    return torch.rand(count, 1, 6, 6, generator=stream, dtype=torch.float64), torch.arange(count) % 4
