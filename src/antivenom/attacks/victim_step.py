"""The step that a victim takes on one poison, and what its accuracy is after it."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset
from antivenom.errors import CapabilityError
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.torch_modules import as_module
from antivenom.shapes import Inputs, Labels

MEMORY = {"cpu": 1 << 26, "cuda": 1 << 30}
"""Bytes that the poisons which are computed at once may take: a processor is slower with more, a GPU with less."""

AT_ONCE = 256
"""So many poisons fill a processor's caches; more at once are no quicker."""

TESTED = 2000
"""Rows at once, where accuracy is measured."""


@dataclass(frozen=True)
class VictimStep:
    """A step of plain gradient descent.

    Args:
        learning_rate: the step's size.
        bias_rate_factor: biases are stepped at so many times the rate.
        stealth: how much of the poison's own loss before the step is taken off the attacker's objective.
        stealth_limit: nothing is taken off for a loss below this.
    """

    learning_rate: float
    bias_rate_factor: float = 1.0
    stealth: float = 0.0
    stealth_limit: float = 0.0

    def shown(self, own: Tensor) -> Tensor:
        """What the poison's own loss before the step takes off the attacker's objective."""
        return self.stealth * (own - self.stealth_limit).clamp_min(0)

    def taken(self, weights: dict[str, Tensor], slopes: Iterable[Tensor]) -> dict[str, Tensor]:
        """The weights after the step, from the loss's slope in each of them, in their order."""
        pairs = zip(weights.items(), slopes, strict=True)
        return {name: weight - self.rate(name) * slope for (name, weight), slope in pairs}

    def rate(self, name: str) -> float:
        """The rate of a parameter of that name."""
        return self.learning_rate * (self.bias_rate_factor if name.endswith("bias") else 1.0)


def require_surrogate(surrogate: Classifier | None, *, by: str) -> Classifier:
    """The surrogate itself.

    Raises:
        CapabilityError: there is none.
    """
    if surrogate is None:
        raise CapabilityError(f"{by} requires a surrogate: the victim, or a model like it. Pass surrogate=.")
    return surrogate


def with_gradients(surrogate: Classifier | None, attack: str) -> ModuleClassifier:
    """A copy of the surrogate in evaluation mode, whose weights need no gradient.

    Raises:
        CapabilityError: there is no surrogate, or it has no gradients.
    """
    victim = as_module(require_surrogate(surrogate, by=attack), by=attack).copy()
    victim.module.eval().requires_grad_(False)
    return victim


def after_one_step(victim: Classifier, step: VictimStep, x: Inputs, y: Labels, data: Dataset) -> Tensor:
    """The accuracy on `data` after one step on each row alone (m), float64."""
    still = with_gradients(victim, "after_one_step")
    rows, found = data.inputs(), []
    for row in range(len(x)):
        weights = {name: weight.requires_grad_() for name, weight in still.weights().items()}
        loss = functional.cross_entropy(still.logits_with(weights, x[row : row + 1]), y[row : row + 1])
        slopes = torch.autograd.grad(loss, list(weights.values()))
        with torch.no_grad():
            after = step.taken(weights, slopes)
            parts = zip(rows.split(TESTED), data.y.split(TESTED), strict=True)
            right = sum(int((still.logits_with(after, part).argmax(1) == labels).sum()) for part, labels in parts)
        found.append(right / len(data))
    return torch.tensor(found, dtype=torch.float64)


def many_at_once(bytes_each: int, x: Tensor) -> int:
    """How many poisons are computed at once."""
    allowed = MEMORY.get(x.device.type, MEMORY["cuda"])
    return max(1, min(AT_ONCE, allowed // (bytes_each + x[0].numel() * x.element_size() * 8)))


def in_parts(many: int, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Poisons and their labels, so many at a time."""
    return list(zip(x.split(many), y.split(many), strict=True))
