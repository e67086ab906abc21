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
        name: `sgd`, `adam`, `adamw`, `rmsprop`, or `sklearn_adam`, as scikit-learn has it.
        learning_rate: the step size.
        momentum: for `sgd` and `rmsprop` alone.
        weight_decay: L2 on the weights; decoupled for `adamw`.
        decay_biases: whether that holds for biases too; scikit-learn leaves them alone.

    >>> Optimizer(name="sgd", momentum=0.9).build(nn.Linear(2, 2).parameters()).defaults["momentum"]
    0.9
    """

    name: OptimizerName = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    decay_biases: bool = True

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer over these parameters."""
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
    """Adam as scikit-learn's `MLPClassifier` has it: ε is added to the root before its bias is corrected.

    Kingma and Ba, *Adam: a method for stochastic optimization* (2015), the more efficient form at the end of their
    section 2, with betas 0.9 and 0.999 and ε of 1e-8. `torch.optim.Adam` corrects first, which is another step where
    gradients are small. L2 is added to the gradient.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override] # noqa: ARG002
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                held = self.state[weight]
                if not held:
                    held["step"], held["mean"], held["square"] = 0, torch.zeros_like(weight), torch.zeros_like(weight)
                held["step"] += 1
                slope = weight.grad.add(weight, alpha=group["weight_decay"]) if group["weight_decay"] else weight.grad
                held["mean"].lerp_(slope, 0.1)
                held["square"].mul_(0.999).addcmul_(slope, slope, value=0.001)
                size = group["lr"] * math.sqrt(1 - 0.999 ** held["step"]) / (1 - 0.9 ** held["step"])
                weight.addcdiv_(held["mean"], held["square"].sqrt().add_(1e-8), value=-size)
