"""A noise pattern that is blended into the whole row."""

import torch

from antivenom.rng import Rng
from antivenom.settings import Rate, component
from antivenom.shapes import Inputs


@component
class Blend:
    """Every row is mixed with the same pattern of noise (Chen et al. 2017, *Targeted backdoor attacks*).

    Args:
        alpha: the weight of the pattern; the weight of the row is 1 - alpha.
        seed: the seed of the pattern, which is uniform noise over the data's range.

    >>> Blend(alpha=0.5).apply(torch.zeros(1, 1, 2, 2), (0.0, 1.0)).max() <= 0.5
    tensor(True)
    """

    alpha: Rate = 0.2
    seed: int = 0

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Return rows (n, *shape) with the pattern."""
        low, high = bounds
        noise = torch.rand(x.shape[1:], generator=Rng(self.seed).child("blend").generator())
        return (1 - self.alpha) * x + self.alpha * (low + (high - low) * noise).to(x)
