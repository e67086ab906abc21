"""Parts that several architectures use."""

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """A module whose input is added to its output.

    Args:
        body: the module.
        shortcut: changes the input before it is added; nothing if omitted.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum."""
        out: Tensor = self.body(x) + self.shortcut(x)
        return out


class Parallel(nn.Module):
    """Several modules with the same input. Their channels are put one after the other."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels of all branches."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Normalised(nn.Module):
    """A network that subtracts the mean and divides by the standard deviation itself.

    Args:
        mean: one number per channel.
        std: one number per channel.
        body: the network for the changed rows.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], body: nn.Module) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        out: Tensor = self.body((x - self.mean) / self.std)
        return out
