"""One update of several perceptrons at once, each with its own batch, learning rate and optimizer state."""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from antivenom.models.optimizers import Optimizer
from antivenom.private.kernels import HAS_FUSED_ADAM, fused_adam
from antivenom.training.perceptrons import Perceptrons


class PerceptronStack:
    """The weights of k perceptrons of one architecture, and the state of their optimizers.

    Args:
        modules: the networks (k). Their parameters become views of one tensor until `release`.
        optimizer: the settings of the optimizer.
    """

    def __init__(self, modules: Sequence[nn.Module], optimizer: Optimizer) -> None:
        self.modules = list(modules)
        self.network = Perceptrons(self.modules)
        self.settings = optimizer
        self.direct = optimizer.name in ("adam", "adamw") and HAS_FUSED_ADAM
        self.counts = torch.zeros(len(self.modules))  # updates of each member
        self.together = True  # all members have the same number of updates
        self.means, self.squares = (torch.zeros_like(self.network.weights) for _ in range(2))
        self._name_rows()
        self.optimizers = [] if self.direct else [self._optimizer(place) for place in range(len(self.modules))]

    def _name_rows(self) -> None:
        """Name the parts of each member: weights, gradients, means, squares, and the count of each part."""
        numbers = self.network.weights, self.network.gradient, self.means, self.squares
        self.whole = [[each] for each in (*numbers, self.counts[0])]
        blocks = [self.network.blocks(each) for each in numbers]
        self.rows = [
            ([*([block[place] for block in kind] for kind in blocks), [self.counts[place]] * len(blocks[0])])
            for place in range(len(self.modules))
        ]

    def _optimizer(self, place: int) -> torch.optim.Optimizer:
        parameters = [nn.Parameter(row) for row in self.rows[place][0]]
        for parameter, slope in zip(parameters, self.rows[place][1], strict=True):
            parameter.grad = slope
        return self.settings.build(parameters)

    def update(self, x: Tensor, y: Tensor, rates: Sequence[float], shares: Tensor | None = None) -> Tensor:
        """Update the first k members; return their mean losses (k) before it.

        Args:
            x: the rows of each member (k, n, d).
            y: their class numbers (k, 1, n).
            rates: the learning rate of each member (k).
            shares: the share of each row in the loss of its member (k, 1, n); 0 for padding. 1/n each if omitted.
        """
        losses = self.network.gradients(x, y, shares)
        self.together = self.together and len(rates) == len(self.modules)
        if not self.direct:
            for optimizer, rate in zip(self.optimizers, rates, strict=False):
                optimizer.param_groups[0]["lr"] = rate
                optimizer.step()
            return losses
        if self.together and (len(rates) == 1 or len(set(rates)) == 1):
            self.counts.add_(1)
            self._adam(self.whole, rates[0])
            return losses
        self.counts[: len(rates)].add_(1)
        for rate, places in groupby(range(len(rates)), key=rates.__getitem__):
            rows = [self.rows[place] for place in places]
            self._adam([[part for row in rows for part in row[kind]] for kind in range(5)], rate)
        return losses

    def _adam(self, tensors: list[list[Tensor]], rate: float) -> None:
        """Call the kernel of Adam on weights, gradients, means, squares and counts."""
        decoupled = self.settings.name == "adamw"
        fused_adam(*tensors, rate=rate, weight_decay=self.settings.weight_decay, decoupled=decoupled)

    def release(self, members: Sequence[int]) -> None:
        """Give these members memory of their own, which no update changes any more."""
        for place in members:
            for parameter in self.modules[place].parameters():
                parameter.data = parameter.detach().clone()

    def keep(self, members: Sequence[int]) -> None:
        """Keep only these members, in this order. Release the others."""
        left = set(range(len(self.modules))) - set(members)
        self.release(sorted(left))
        chosen, before = torch.tensor(members), self.network
        self.modules = [self.modules[place] for place in members]
        self.network = Perceptrons(self.modules)
        self.counts = self.counts[chosen]
        self.means, self.squares = (
            torch.cat([block[chosen].flatten() for block in before.blocks(each)]) for each in (self.means, self.squares)
        )
        self._name_rows()
        self.optimizers = [self.optimizers[place] for place in members] if self.optimizers else []
        for row, optimizer in zip(self.rows, self.optimizers, strict=False):
            for parameter, weights, slope in zip(optimizer.param_groups[0]["params"], row[0], row[1], strict=True):
                parameter.data, parameter.grad = weights, slope
