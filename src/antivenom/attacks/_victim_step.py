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

BYTES_PER_BATCH = {"cpu": 1 << 26, "cuda": 1 << 30}
"""Bytes that the poisons which are computed at once may take: a processor is slower with more, a GPU with less."""

POISONS_PER_BATCH = 256
"""So many poisons fill a processor's caches; more at once are no quicker."""

ROWS_PER_BATCH = 2000
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

    def stealth_penalty(self, own: Tensor) -> Tensor:
        """What the poison's own loss before the step takes off the attacker's objective."""
        return self.stealth * (own - self.stealth_limit).clamp_min(0)

    def weights_after(self, weights: dict[str, Tensor], gradients: Iterable[Tensor]) -> dict[str, Tensor]:
        """The weights after the step, from the loss's gradient in each of them, in their order."""
        pairs = zip(weights.items(), gradients, strict=True)
        return {name: weight - self.rate(name) * gradient for (name, weight), gradient in pairs}

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


def frozen_copy(surrogate: Classifier | None, attack: str) -> ModuleClassifier:
    """A copy of the surrogate in evaluation mode, whose weights need no gradient.

    Raises:
        CapabilityError: there is no surrogate, or it has no gradients.
    """
    victim = as_module(require_surrogate(surrogate, by=attack), by=attack).copy()
    victim.module.eval().requires_grad_(False)
    return victim


def accuracy_after_step(victim: Classifier, step: VictimStep, x: Inputs, y: Labels, data: Dataset) -> Tensor:
    """The accuracy on `data` after one step on each row alone (m), float64."""
    still = frozen_copy(victim, "accuracy_after_step")
    rows, found = data.inputs(), []
    for row in range(len(x)):
        weights = {name: weight.requires_grad_() for name, weight in still.weights().items()}
        loss = functional.cross_entropy(still.logits_with(weights, x[row : row + 1]), y[row : row + 1])
        gradients = torch.autograd.grad(loss, list(weights.values()))
        with torch.no_grad():
            after = step.weights_after(weights, gradients)
            parts = zip(rows.split(ROWS_PER_BATCH), data.y.split(ROWS_PER_BATCH), strict=True)
            right = sum(int((still.logits_with(after, part).argmax(1) == labels).sum()) for part, labels in parts)
        found.append(right / len(data))
    return torch.tensor(found, dtype=torch.float64)


def poisons_per_batch(bytes_each: int, x: Tensor) -> int:
    """How many poisons are computed at once."""
    allowed = BYTES_PER_BATCH.get(x.device.type, BYTES_PER_BATCH["cuda"])
    return max(1, min(POISONS_PER_BATCH, allowed // (bytes_each + x[0].numel() * x.element_size() * 8)))


def batches_of(many: int, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(x.split(many), y.split(many), strict=True))
