"""Optimizers by name."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

OptimizerName = Literal["sgd", "adam", "adamw", "rmsprop", "sklearn_adam"]
"""The optimizers that a spec can name."""


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """An optimizer's settings, apart from any weights.

    Args:
        name: `sgd`, `adam`, `adamw`, `rmsprop`, or `sklearn_adam` (see `SklearnAdam`).
        learning_rate: the step size.
        momentum: the momentum in [0, 1), only for `sgd` and `rmsprop`.
        weight_decay: the factor of the L2 penalty; decoupled for `adamw`.
        decay_biases: True to decay biases too; scikit-learn does not.

    >>> Optimizer(name="sgd", momentum=0.9).build(nn.Linear(2, 2).parameters()).defaults["momentum"]
    0.9
    """

    name: OptimizerName = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    decay_biases: bool = True

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return a new optimizer of these parameters."""
        weights: list[Any] = [parameter for parameter in parameters if parameter.requires_grad]
        rate, decay = self.learning_rate, self.weight_decay
        if decay and not self.decay_biases:
            biases = [parameter for parameter in weights if parameter.ndim < 2]
            others = [parameter for parameter in weights if parameter.ndim >= 2]
            weights = [{"params": others}, {"params": biases, "weight_decay": 0.0}]
        match self.name:
            case "sgd":
                return torch.optim.SGD(weights, rate, momentum=self.momentum, weight_decay=decay, fused=True)
            case "adam":
                return torch.optim.Adam(weights, rate, weight_decay=decay, fused=True)
            case "adamw":
                return torch.optim.AdamW(weights, rate, weight_decay=decay, fused=True)
            case "rmsprop":
                return torch.optim.RMSprop(weights, rate, momentum=self.momentum, weight_decay=decay)
            case "sklearn_adam":
                return SklearnAdam(weights, {"lr": rate, "weight_decay": decay})


class SklearnAdam(torch.optim.Optimizer):
    """Adam as in scikit-learn's `MLPClassifier`: ε is added to the root before the bias correction.

    Kingma and Ba, *Adam: a method for stochastic optimization* (2015), the more efficient form at the end of their
    section 2, with betas 0.9 and 0.999 and ε of 1e-8. `torch.optim.Adam` corrects the bias first, so its steps differ
    for small gradients. The L2 penalty is added to the gradient.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override] # noqa: ARG002
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                kept = self.state[weight]
                if not kept:
                    kept["step"], kept["mean"], kept["square"] = 0, torch.zeros_like(weight), torch.zeros_like(weight)
                kept["step"] += 1
                slope = weight.grad.add(weight, alpha=group["weight_decay"]) if group["weight_decay"] else weight.grad
                kept["mean"].lerp_(slope, 0.1)
                kept["square"].mul_(0.999).addcmul_(slope, slope, value=0.001)
                size = group["lr"] * math.sqrt(1 - 0.999 ** kept["step"]) / (1 - 0.9 ** kept["step"])
                weight.addcdiv_(kept["mean"], kept["square"].sqrt().add_(1e-8), value=-size)
