"""Small things that tests name by import path."""

from typing import Literal

import torch
from torch import nn

from antivenom.data import Dataset, Poisoned
from antivenom.goals import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import Rate, component


def small_net(input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """With batch normalisation and dropout, which a training and an evaluation mode tell apart."""
    width = int(torch.tensor(input_shape).prod())
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(width, 12),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(12, classes),
    )


@component
class FaultyAttack:
    """Breaks one promise, to see that a check can fail."""

    fault: Literal[
        "writes into the data",
        "draws from the global stream",
        "ignores its stream",
        "ignores its rate",
        "does nothing",
    ]
    rate: Rate = 0.2

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        stream = Rng(0) if self.fault == "ignores its stream" else rng
        rate = 0.5 if self.fault == "ignores its rate" else self.rate
        rows = stream.order(data.ids)[: round(rate * len(data))]
        if self.fault == "writes into the data":
            data.y[0] += 1
        if self.fault == "draws from the global stream":
            torch.rand(1)
        y = data.y[rows] if self.fault == "does nothing" else (data.y[rows] + 1) % len(data.classes)
        return Poisoned.replace(data, rows, y=y, goal=Availability())
