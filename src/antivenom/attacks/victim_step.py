"""The training step of a victim on one poison, and the accuracy after it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset
from antivenom.errors import CapabilityError
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.batches import input_batches, rows_within
from antivenom.models.torch_modules import as_module
from antivenom.shapes import Inputs, Labels

BYTES_PER_BATCH = {"cpu": 1 << 26, "cuda": 1 << 30}
"""The memory for one batch of poisons, in bytes. A CPU is slower with more, a GPU is slower with less."""

POISONS_PER_BATCH = 256
"""The largest number of poisons in a batch. Larger batches exceed the caches of a CPU and are not faster."""

ROWS_PER_BATCH = 2000
"""The number of rows per batch when accuracy is measured."""


@dataclass(frozen=True)
class VictimStep:
    """A step of plain gradient descent.

    Args:
        learning_rate: the learning rate of the step.
        bias_rate_factor: the learning rate of biases, as a multiple of `learning_rate`.
        stealth: the weight of the poison's own loss before the step, which is subtracted from the objective.
        stealth_limit: the loss up to which nothing is subtracted.
    """

    learning_rate: float
    bias_rate_factor: float = 1.0
    stealth: float = 0.0
    stealth_limit: float = 0.0

    def stealth_penalty(self, own: Tensor) -> Tensor:
        """Return the penalty for the poison's own loss before the step, which is subtracted from the objective."""
        return self.stealth * (own - self.stealth_limit).clamp_min(0)

    def weights_after(self, weights: dict[str, Tensor], gradients: Iterable[Tensor]) -> dict[str, Tensor]:
        """Return the weights after the step. `gradients` are in the order of `weights`."""
        pairs = zip(weights.items(), gradients, strict=True)
        return {name: weight - self.rate(name) * gradient for (name, weight), gradient in pairs}

    def rate(self, name: str) -> float:
        """Return the learning rate of a parameter, by its name."""
        return self.learning_rate * (self.bias_rate_factor if name.endswith("bias") else 1.0)


def require_surrogate(surrogate: Classifier | None, *, by: str) -> Classifier:
    """Return the surrogate.

    Raises:
        CapabilityError: the surrogate is missing.
    """
    if surrogate is None:
        raise CapabilityError(f"{by} requires a surrogate: the victim, or a model like it; got None. Pass surrogate=.")
    return surrogate


def frozen_copy(surrogate: Classifier | None, attack: str) -> ModuleClassifier:
    """Return a copy of the surrogate in evaluation mode, with weights that require no gradient.

    Raises:
        CapabilityError: the surrogate is missing, or does not provide gradients.
    """
    victim = as_module(require_surrogate(surrogate, by=attack), by=attack).copy()
    victim.module.eval().requires_grad_(False)
    return victim


def accuracy_after_step(victim: Classifier, step: VictimStep, x: Inputs, y: Labels, data: Dataset) -> Tensor:
    """Return the accuracy on `data` after one step on each row of `x` alone (m), float64."""
    frozen = frozen_copy(victim, "accuracy_after_step")
    batches_of_rows = partial(input_batches, data, most=ROWS_PER_BATCH)
    decoded = list(batches_of_rows()) if rows_within(data.shape, len(data)) == len(data) else None
    accuracies = []
    for row in range(len(x)):
        weights = {name: weight.requires_grad_() for name, weight in frozen.weights().items()}
        loss = functional.cross_entropy(frozen.logits_with(weights, x[row : row + 1]), y[row : row + 1])
        gradients = torch.autograd.grad(loss, list(weights.values()))
        with torch.no_grad():
            after = step.weights_after(weights, gradients)
            parts = decoded or batches_of_rows()  # few rows are converted once
            correct = sum(
                int((frozen.logits_with(after, each).argmax(1) == data.y[rows]).sum()) for rows, each in parts
            )
        accuracies.append(correct / len(data))
    return torch.tensor(accuracies, dtype=torch.float64)


def poisons_per_batch(bytes_each: int, x: Tensor) -> int:
    """Return the number of poisons per batch, from the memory that each of them needs."""
    allowed = BYTES_PER_BATCH.get(x.device.type, BYTES_PER_BATCH["cuda"])
    return max(1, min(POISONS_PER_BATCH, allowed // (bytes_each + x[0].numel() * x.element_size() * 8)))


def batches(many: int, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the rows and labels in batches of `many` rows."""
    return list(zip(x.split(many), y.split(many), strict=True))
