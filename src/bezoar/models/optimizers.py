"""Optimizers by name."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop"]
"""The optimizers that a spec can name."""


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer's settings, apart from any weights.

    Args:
        name: `sgd`, `adam`, `adamw` or `rmsprop`.
        learning_rate: the step size.
        momentum: for `sgd` and `rmsprop` alone.
        weight_decay: L2 on the weights; decoupled for `adamw`.

    >>> Optimizer(name="sgd", momentum=0.9).build(nn.Linear(2, 2).parameters()).defaults["momentum"]
    0.9
    """

    name: OptimizerName = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer over these parameters."""
        weights = [parameter for parameter in parameters if parameter.requires_grad]
        rate, decay = self.learning_rate, self.weight_decay
        match self.name:
            case "sgd":
                return torch.optim.SGD(weights, rate, momentum=self.momentum, weight_decay=decay, fused=True)
            case "adam":
                return torch.optim.Adam(weights, rate, weight_decay=decay, fused=True)
            case "adamw":
                return torch.optim.AdamW(weights, rate, weight_decay=decay, fused=True)
            case "rmsprop":
                return torch.optim.RMSprop(weights, rate, momentum=self.momentum, weight_decay=decay)
