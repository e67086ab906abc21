"""A linear classifier on features: scikit-learn's logistic regression, on the features' own device."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.shapes import Features, Labels, ShortRepr

TOLERANCE: Final = 3e-4
"""The largest slope, in well-conditioned coordinates, at which a fit has converged."""


@dataclass(frozen=True, eq=False, repr=False)
class LinearProbe(ShortRepr):
    """A multinomial logistic regression on features.

    Attributes:
        weight: (classes, d), for standardised features.
        bias: (classes).
        mean, scale: by which features are standardised (d).
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: Features, y: Labels, *, classes: int, strength: float = 1.0) -> "LinearProbe":
        """Fit by L-BFGS, to convergence, on the features' own device.

        The objective is scikit-learn's: the summed cross-entropy, and half the squared weights over `strength` (its
        `C`), biases left alone.

        >>> from sklearn.datasets import load_iris
        >>> x, y = (torch.from_numpy(part) for part in load_iris(return_X_y=True))
        >>> float((LinearProbe.fit(x.float(), y, classes=3).predict(x.float()) == y).float().mean()) > 0.95
        True
        """
        mean, scale = x.mean(0), x.std(0, correction=0)
        scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
        rows, penalty = (x - mean) / scale, 1 / (strength * max(1, len(x)))
        turn = _conditioned(rows, penalty)
        turned = rows @ turn
        parameters = torch.zeros(classes, x.shape[1] + 1, dtype=x.dtype, device=x.device, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [parameters],
            max_iter=500,
            history_size=20,
            tolerance_grad=TOLERANCE,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            weight = parameters[:, :-1] @ turn.t()
            loss = functional.cross_entropy(functional.linear(turned, parameters[:, :-1], parameters[:, -1]), y)
            loss = loss + weight.square().sum() * (penalty / 2)
            loss.backward()
            return loss

        optimizer.step(closure)
        found = parameters.detach()
        return cls(found[:, :-1] @ turn.t(), found[:, -1], mean, scale)

    def predict(self, x: Features) -> Labels:
        """The class of each row (n)."""
        return functional.linear((x - self.mean) / self.scale, self.weight, self.bias).argmax(1)


def _conditioned(rows: Features, penalty: float) -> Tensor:
    """A change of coordinates (d, d) in which the loss curves about equally in all directions.

    Along the rows' principal axes, each stretched by what a logistic loss and the penalty curve there: L-BFGS then
    takes tens of steps instead of hundreds.
    """
    covariance = (rows.t() @ rows / max(1, len(rows))).double()
    size, axes = torch.linalg.eigh(covariance)
    turned: Tensor = axes / (0.1 * size.clamp_min(0) + penalty).sqrt()
    return turned.to(rows.dtype)
