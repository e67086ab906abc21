"""What can be read from a representation by a linear classifier."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from antivenom.analysis._layers import look_at, narrowed, studied_layers
from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.shapes import Features, Labels

OUTPUT = "output"
"""Instead of a layer: the probabilities that come out of the network."""
SOFTMAX = "softmax"
"""The name of their figure; a layer may itself be called `output`."""
WIDTH = 512
TOLERANCE = 3e-4
"""The largest slope, in well-conditioned coordinates, at which a fit has converged."""


@component
class Probes:
    """What a linear classifier still reads from each layer of victim and control, on clean test rows.

    Figures: `probe.LAYER` and `control_probe.LAYER`, and `probe.softmax` for the output. See `probe_layers`.

    Args:
        layer: one layer alone, or `output`, the softmax that the original study fitted its probe on; all layers and
            the output if null.
        width: maps of more numbers are averaged over cells.
        strength: scikit-learn's `C`.

    >>> Probes(layer="output").layer
    'output'
    """

    layer: str | None = None
    width: AtLeastOne = WIDTH
    strength: Positive = 1.0

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        if self.layer not in (None, OUTPUT, *classifier.layers()):
            yield f"There is no layer '{self.layer}'. There are: {', '.join(classifier.layers())}, and {OUTPUT}."

    def begin(self, scene: Scene, rng: Rng) -> Study:
        """Look at the layers of both."""
        kept = _Kept([self._layers(each) for each in scene.both.values()], self.width)

        def finish() -> Learned:
            values: dict[str, float | None] = {}
            for place, (prefix, network) in enumerate(scene.both.items()):
                features = kept.features(place)
                if self.layer in (None, OUTPUT):
                    features[SOFTMAX] = network.scores(scene.test.inputs())
                read = _read(features, scene.test, rng, self.strength)
                values |= {f"{prefix}probe.{name}": value for name, value in read.items()}
            return Learned(values, {"layers": np.array(list(features))})

        return Study(finish, kept)

    def _layers(self, network: Classifier) -> tuple[str, ...]:
        every = studied_layers(network)
        return every if self.layer is None else () if self.layer == OUTPUT else (self.layer,)


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
    probes then say what can still be read from a representation, whatever the head makes of it.

    Args:
        classifier: the network.
        data: clean rows.
        rng: says which half a row belongs to, by its id.
        layers: which; all that do more than move numbers, where left out.
        width: maps of more numbers are averaged over cells.
        strength: scikit-learn's `C`.

    Raises:
        CapabilityError: the classifier has no layers, or not these.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> probe_layers(net, load("digits").test, rng=Rng(0))["hidden_1"] > 0.8
    True
    """
    kept = _Kept([tuple(layers or studied_layers(classifier))], width)
    look_at((classifier,), data, (kept,))
    return _read(kept.features(0), data, rng, strength)


class _Kept:
    """The features of all rows, layer by layer, made narrow."""

    def __init__(self, layers: Sequence[tuple[str, ...]], width: int) -> None:
        self.layers, self.width = layers, width
        self.parts: list[dict[str, list[Tensor]]] = [{name: [] for name in names} for names in layers]

    def see(self, rows: slice, given: Sequence[dict[str, Tensor]]) -> None:  # noqa: ARG002
        for each, parts in zip(given, self.parts, strict=True):
            for name, held in parts.items():
                held.append(narrowed(each[name], self.width))

    def features(self, network: int) -> dict[str, Tensor]:
        return {name: torch.cat(held) for name, held in self.parts[network].items() if held}


def _read(features: dict[str, Tensor], data: Dataset, rng: Rng, strength: float) -> dict[str, float]:
    """The accuracy of a probe on each layer, fitted on one half of the rows and told of the other."""
    order = rng.order(data.ids)
    fitted, told = order[: len(order) // 2], order[len(order) // 2 :]
    found = {}
    for name, rows in features.items():
        y = data.y.to(rows.device)
        probe = LinearProbe.fit(rows[fitted], y[fitted], classes=len(data.classes), strength=strength)
        found[name] = float((probe.predict(rows[told]) == y[told]).double().mean())
    return found
