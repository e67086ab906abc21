"""The objective for several poisons that a victim learns from one after the other."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.attacks.victim_step import VictimStep
from antivenom.models import ModuleClassifier
from antivenom.shapes import Inputs, Labels

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Unrolled:
    """The rows that a victim learns from: poison (k, *shape), and after each poison clean rows (k, between, *shape)."""

    victim: ModuleClassifier
    step: VictimStep
    x: Inputs
    y: Labels
    clean_x: Tensor
    clean_y: Tensor

    def gradients(self, weights: Weights, normal: Inputs, labels: Labels) -> tuple[Tensor, Tensor]:
        """Return the attacker's objective over the path, and its gradient in the pixels of each poison (k, *shape).

        The victim has a state after each poison and the clean rows that follow it. The objective is the mean over these
        states of the summed loss of the normal rows, minus `stealth` times the loss of the poison when it arrives.
        """
        poison = self.x.detach().requires_grad_()
        current = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        total = poison.new_zeros(())
        for number in range(len(poison)):
            current, own = self._step(current, poison[number], self.y[number], graph=True)
            for x, y in zip(self.clean_x[number], self.clean_y[number], strict=True):
                current, _ = self._step(current, x, y, graph=True)
            harm = functional.cross_entropy(self.victim.logits_with(current, normal), labels, reduction="sum")
            total = total + harm - self.step.stealth_penalty(own)
        value = total / len(poison)
        return value.detach(), torch.autograd.grad(value, poison)[0]

    def weights_after(self, weights: Weights, count: int) -> Weights:
        """Return the weights of the victim after the first `count` poisons and their clean rows."""
        current = weights
        for number in range(count):
            current, _ = self._step(current, self.x[number], self.y[number], graph=False)
            for x, y in zip(self.clean_x[number], self.clean_y[number], strict=True):
                current, _ = self._step(current, x, y, graph=False)
        return current

    def _step(self, weights: Weights, x: Tensor, y: Tensor, *, graph: bool) -> tuple[Weights, Tensor]:
        if not graph:
            weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
        loss = functional.cross_entropy(self.victim.logits_with(weights, x.unsqueeze(0)), y.unsqueeze(0))
        gradients = torch.autograd.grad(loss, list(weights.values()), create_graph=graph)
        after = self.step.weights_after(weights, gradients)
        return (after if graph else {name: weight.detach() for name, weight in after.items()}), loss
