"""What can be read from a representation by a linear classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bezoar.analysis._layers import in_batches, narrowed, studied_layers
from bezoar.data import Dataset
from bezoar.models import Classifier
from bezoar.rng import Rng
from bezoar.shapes import Features, Labels

BATCH = 128
"""Rows at once: activations of more leave the caches, and new memory for them costs more than they do."""
WIDTH = 512
TOLERANCE = 3e-4
"""The largest slope, in well-conditioned coordinates, at which a fit has converged."""


@dataclass(frozen=True, eq=False)
class LinearProbe:
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
        held = torch.zeros(classes, x.shape[1] + 1, dtype=x.dtype, device=x.device, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [held],
            max_iter=500,
            history_size=20,
            tolerance_grad=TOLERANCE,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            weight = held[:, :-1] @ turn.t()
            loss = functional.cross_entropy(functional.linear(turned, held[:, :-1], held[:, -1]), y)
            loss = loss + weight.square().sum() * (penalty / 2)
            loss.backward()
            return loss

        optimizer.step(closure)
        found = held.detach()
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


def probe_layers(
    classifier: Classifier,
    data: Dataset,
    *,
    rng: Rng,
    layers: Sequence[str] | None = None,
    width: int = WIDTH,
    strength: float = 1.0,
) -> dict[str, float]:
    """The accuracy of a linear probe on each layer, fitted on half of the rows with their labels, told of the other.

    Alain and Bengio, *Understanding intermediate layers using linear classifier probes* (2016). Give clean rows: the
    probes then say what can still be read from a representation, whatever the head makes of it. The study that bezoar
    grew out of fitted its probe on the softmax output: `layers=["output"]`.

    Args:
        classifier: the network.
        data: clean rows.
        rng: says which half a row belongs to, by its id.
        layers: which; all that do more than move numbers, where left out.
        width: maps of more numbers are averaged over cells.
        strength: scikit-learn's `C`.

    Raises:
        CapabilityError: the classifier has no layers, or not these.

    >>> from bezoar.data.sources import load
    >>> from bezoar.models import MLP
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> probe_layers(net, load("digits").test, rng=Rng(0))["hidden_1"] > 0.8
    True
    """
    names = tuple(layers or studied_layers(classifier))
    order = rng.order(data.ids)
    fitted, told = order[: len(order) // 2], order[len(order) // 2 :]
    kept: dict[str, list[Tensor]] = {name: [] for name in names}
    for _, given in in_batches(classifier, data, names, BATCH):
        for name in names:
            kept[name].append(narrowed(given[name], width))
    found = {}
    for name in names:
        features = torch.cat(kept.pop(name))
        y = data.y.to(features.device)
        probe = LinearProbe.fit(features[fitted], y[fitted], classes=len(data.classes), strength=strength)
        found[name] = float((probe.predict(features[told]) == y[told]).double().mean())
    return found
