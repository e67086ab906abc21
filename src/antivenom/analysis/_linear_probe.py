"""A linear classifier of features: scikit-learn's logistic regression, on the device of the features."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.shapes import Features, Labels, ShortRepr

TOLERANCE: Final = 3e-4
"""The largest gradient, in well-conditioned coordinates, at which a fit has converged."""


@dataclass(frozen=True, eq=False, repr=False)
class LinearProbe(ShortRepr):
    """A multinomial logistic regression on features.

    Attributes:
        weight: the weights for standardised features (classes, d).
        bias: the biases (classes).
        mean: the mean of each feature, for standardisation (d).
        scale: the standard deviation of each feature, for standardisation (d).
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    scale: Tensor

    @classmethod
    def fit(cls, x: Features, y: Labels, *, classes: int, strength: float = 1.0) -> "LinearProbe":
        """Fit with L-BFGS until convergence, on the device of the features.

        The objective is scikit-learn's: the sum of the cross-entropy, plus half of the squared weights divided by
        `strength` (its `C`). The biases have no penalty.

        Args:
            x: features (n, d).
            y: labels (n).
            classes: the number of classes.
            strength: scikit-learn's `C`, above 0.

        >>> from sklearn.datasets import load_iris
        >>> x, y = (torch.from_numpy(part) for part in load_iris(return_X_y=True))
        >>> float((LinearProbe.fit(x.float(), y, classes=3).predict(x.float()) == y).float().mean()) > 0.95
        True
        """
        mean, scale = x.mean(0), x.std(0, correction=0)
        scale = torch.where(scale > 1e-6, scale, torch.ones_like(scale))
        rows, penalty = (x - mean) / scale, 1 / (strength * max(1, len(x)))
        transform = _conditioned(rows, penalty)
        transformed = rows @ transform
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
            weight = parameters[:, :-1] @ transform.t()
            logits = functional.linear(transformed, parameters[:, :-1], parameters[:, -1])
            loss = functional.cross_entropy(logits, y) + weight.square().sum() * (penalty / 2)
            loss.backward()
            return loss

        optimizer.step(closure)
        fitted = parameters.detach()
        return cls(fitted[:, :-1] @ transform.t(), fitted[:, -1], mean, scale)

    def predict(self, x: Features) -> Labels:
        """Return the predicted class of each row (n)."""
        return functional.linear((x - self.mean) / self.scale, self.weight, self.bias).argmax(1)


def _conditioned(rows: Features, penalty: float) -> Tensor:
    """Return a change of coordinates (d, d) after which the loss has about the same curvature in all directions.

    The new axes are the principal axes of the rows, scaled by the curvature of the loss and the penalty. L-BFGS then
    takes tens of steps instead of hundreds.
    """
    covariance = (rows.t() @ rows / max(1, len(rows))).double()
    size, axes = torch.linalg.eigh(covariance)
    transform: Tensor = axes / (0.1 * size.clamp_min(0) + penalty).sqrt()
    return transform.to(rows.dtype)
