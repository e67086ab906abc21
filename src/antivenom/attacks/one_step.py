"""The effect of one poison on a victim in one training step, and its gradient in the pixels of the poison.

Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks* (2017). A victim with weights w
takes one step on the poison (x, y): w' = w - r ∇L(x, y; w), where biases have another learning rate r. The attacker
wants a high summed loss of some normal rows under w'. Each poison is applied to the same state of the victim. Many
poisons are computed together.
"""

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn import functional

from antivenom.attacks.layered import Layered, is_layered
from antivenom.attacks.victim_step import POISONS_PER_BATCH, VictimStep, batches, frozen_copy, poisons_per_batch
from antivenom.models import Classifier, ModuleClassifier
from antivenom.shapes import Inputs, Labels


@runtime_checkable
class Objective(Protocol):
    """The attacker's objective for each of m poisons. The victim takes its step on one poison alone."""

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """Return the objective (m) of poisons (m, *shape) with labels (m)."""

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """Return the objective (m), and its gradient in the pixels of each poison (m, *shape)."""


def objective_for(surrogate: Classifier | None, step: VictimStep, x: Inputs, y: Labels, *, attack: str) -> Objective:
    """Return the fastest exact objective for a victim and normal rows (n, *shape) with labels (n).

    Raises:
        CapabilityError: the surrogate is missing, or does not provide gradients.
    """
    victim = frozen_copy(surrogate, attack)
    return Layered(victim, step, x, y) if is_layered(victim, x) else general_objective(victim, step, x, y)


def general_objective(victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> "Functional | OneByOne":
    """Return an objective for any differentiable victim: in batches if `vmap` supports the module, else one by one."""
    objective = Functional(victim, step, x, y)
    try:
        objective.gradients(x[:1], y[:1])
    except RuntimeError:  # vmap does not support an operation, or the module branches on values
        return OneByOne(victim, step, x, y)
    return objective


class Functional:
    """The objective for any differentiable classifier. `torch.func` updates a copy of all weights for each poison."""

    def __init__(self, victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> None:
        self.victim, self.step, self.x, self.y = victim, step, x, y
        self.weights = victim.weights()
        each = grad(self._value, has_aux=True)
        self._values = vmap(lambda a, b: self._value(a, b)[1], randomness="error")
        self._gradients = vmap(each, randomness="error")
        self._many = poisons_per_batch(sum(weight.numel() for weight in self.weights.values()) * 24, x)

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """Return the objective of each poison (m)."""
        if not len(x):
            return x.new_empty(0)
        with torch.no_grad():
            return torch.cat([self._values(*part) for part in batches(self._many, x, y)])

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """Return the objective of each poison (m), and its gradient in the pixels of the poison (m, *shape)."""
        if not len(x):
            return x.new_empty(0), torch.empty_like(x)
        gradients, values = zip(*(self._gradients(*part) for part in batches(self._many, x, y)), strict=True)
        return torch.cat(values), torch.cat(gradients)

    def normal_gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """Return the objective (m), and its gradient in the pixels of the normal rows, summed over them (m, *shape)."""
        if not len(x):
            return x.new_empty(0), torch.empty_like(x)

        def value(normal: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
            return self._value(a, b, normal)

        each = vmap(grad(value, has_aux=True), in_dims=(None, 0, 0), randomness="error")
        gradients, values = zip(*(each(self.x, *part) for part in batches(self._many, x, y)), strict=True)
        return torch.cat(values), torch.cat(gradients).sum(1)

    def _value(self, x: Tensor, y: Tensor, normal: Tensor | None = None) -> tuple[Tensor, Tensor]:
        def loss(weights: dict[str, Tensor]) -> Tensor:
            return functional.cross_entropy(self.victim.logits_with(weights, x.unsqueeze(0)), y.unsqueeze(0))

        gradients, own = torch.func.grad_and_value(loss)(self.weights)
        after = self.step.weights_after(self.weights, gradients.values())
        rows = self.x if normal is None else normal
        harm = functional.cross_entropy(self.victim.logits_with(after, rows), self.y, reduction="sum")
        value = harm - self.step.stealth_penalty(own)
        return value, value


class OneByOne:
    """The objective for a differentiable classifier that `vmap` does not support: autograd in a loop over poisons."""

    def __init__(self, victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> None:
        self.victim, self.step, self.x, self.y = victim, step, x, y

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """Return the objective of each poison (m)."""
        values = [self._value(a, b, self.x, graph=False).detach() for a, b in zip(x, y, strict=True)]
        return torch.stack(values) if values else x.new_empty(0)

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """Return the objective of each poison (m), and its gradient in the pixels of the poison (m, *shape)."""
        values, gradients = [], torch.empty_like(x)
        for row, label in enumerate(y):
            poison = x[row].detach().requires_grad_()
            value = self._value(poison, label, self.x, graph=True)
            gradients[row] = torch.autograd.grad(value, poison)[0]
            values.append(value.detach())
        return torch.stack(values) if values else x.new_empty(0), gradients

    def normal_gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """Return the objective (m), and its gradient in the pixels of the normal rows, summed over them (m, *shape)."""
        values, gradients = [], torch.empty_like(x)
        for row, label in enumerate(y):
            normal = self.x.detach().requires_grad_()
            value = self._value(x[row], label, normal, graph=False)
            gradients[row] = torch.autograd.grad(value, normal)[0].sum(0)
            values.append(value.detach())
        return torch.stack(values) if values else x.new_empty(0), gradients

    def _value(self, x: Tensor, y: Tensor, normal: Tensor, *, graph: bool) -> Tensor:
        weights = {name: weight.requires_grad_() for name, weight in self.victim.weights().items()}
        own = functional.cross_entropy(self.victim.logits_with(weights, x.unsqueeze(0)), y.unsqueeze(0))
        gradients = torch.autograd.grad(own, list(weights.values()), create_graph=graph)
        after = self.step.weights_after(weights, gradients)
        harm = functional.cross_entropy(self.victim.logits_with(after, normal), self.y, reduction="sum")
        return harm - self.step.stealth_penalty(own)


def finite_differences(values: Callable[[Inputs, Labels], Tensor], x: Inputs, y: Labels, *, probe: float) -> Tensor:
    """Return one-sided differences of an objective in each pixel of each row (m, *shape), divided by `probe`.

    This is the method of the paper. It evaluates one step of the victim for each pixel.
    """
    size = math.prod(x.shape[1:])
    gradients = torch.empty(len(x), size, dtype=x.dtype, device=x.device)
    for row in range(len(x)):
        start = values(x[row : row + 1], y[row : row + 1])
        for first in range(0, size, POISONS_PER_BATCH):
            pixels = torch.arange(first, min(first + POISONS_PER_BATCH, size), device=x.device)
            probes = x[row].flatten().repeat(len(pixels), 1)
            probes[torch.arange(len(pixels), device=x.device), pixels] += probe
            moved = values(probes.view(-1, *x.shape[1:]), y[row].repeat(len(pixels)))
            gradients[row, pixels] = (moved - start) / probe
    return gradients.view_as(x)
