"""Several poisons at once, for the path that a victim takes while it learns from all of them."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.attacks._victim_step import VictimStep
from antivenom.models import ModuleClassifier
from antivenom.shapes import Inputs, Labels

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class VictimPath:
    """What a victim is fed: poison (k, *shape), and after each poison some clean rows (k, between, *shape)."""

    victim: ModuleClassifier
    step: VictimStep
    x: Inputs
    y: Labels
    clean_x: Tensor
    clean_y: Tensor

    def gradients(self, weights: Weights, normal: Inputs, labels: Labels) -> tuple[Tensor, Tensor]:
        """The attacker's objective after the last step, and its gradient in each poison's pixels (k, *shape).

        The objective is the mean, over the states after each poison and the clean rows that follow it, of the summed
        loss of normal rows, less `stealth` times each poison's own loss when it arrives.
        """
        poison = self.x.detach().requires_grad_()
        at = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        total = poison.new_zeros(())
        for number in range(len(poison)):
            at, own = self._step(at, poison[number], self.y[number], differentiable=True)
            for x, y in zip(self.clean_x[number], self.clean_y[number], strict=True):
                at, _ = self._step(at, x, y, differentiable=True)
            harm = functional.cross_entropy(self.victim.logits_with(at, normal), labels, reduction="sum")
            total = total + harm - self.step.stealth_penalty(own)
        value = total / len(poison)
        return value.detach(), torch.autograd.grad(value, poison)[0]

    def weights_after(self, weights: Weights, count: int) -> Weights:
        """The victim's weights after the first `count` poisons and their clean rows."""
        at = weights
        for number in range(count):
            at, _ = self._step(at, self.x[number], self.y[number], differentiable=False)
            for x, y in zip(self.clean_x[number], self.clean_y[number], strict=True):
                at, _ = self._step(at, x, y, differentiable=False)
        return at

    def _step(self, weights: Weights, x: Tensor, y: Tensor, *, differentiable: bool) -> tuple[Weights, Tensor]:
        if not differentiable:
            weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        loss = functional.cross_entropy(self.victim.logits_with(weights, x.unsqueeze(0)), y.unsqueeze(0))
        gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=differentiable)
        after = self.step.weights_after(weights, gradients)
        return (after if differentiable else {name: weight.detach() for name, weight in after.items()}), loss
