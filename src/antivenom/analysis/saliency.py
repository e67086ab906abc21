"""Which pixels a network looks at."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.analysis._layers import with_layers
from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.data import Dataset
from antivenom.errors import CapabilityError
from antivenom.goals.backdoor import Backdoor
from antivenom.models import Classifier, predictions
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Inputs, Labels

METHODS = ("gradient", "guided", "integrated")
SCORED = 64
"""On so many triggered rows, at most, saliency is held against the trigger."""


@component
class Saliency:
    """Which pixels decide, for victim and control: the gradient, guided backpropagation, integrated gradients.

    The rows are test rows with the trigger, or, where there is none, test rows that the victim gets wrong and the
    control right; what is explained is what the victim says of them. Figures, where there is a trigger:
    `salient.METHOD` and `control_salient.METHOD`, the share of the saliency that lies on the trigger's pixels. Guided
    backpropagation is left out, and its figure is null, where the network has no ReLU layers.

    Args:
        rows: how many rows are shown.
        steps: of integrated gradients.

    >>> Saliency().rows
    6
    """

    rows: AtLeastOne = 6
    steps: AtLeastOne = 50

    def begin(self, scene: Scene, rng: Rng) -> Study:  # noqa: ARG002
        """Nothing is looked at meanwhile: gradients are of few rows."""
        return Study(lambda: self._finish(scene))

    def _finish(self, scene: Scene) -> Learned:
        goal = scene.poisoned.goal
        before, rows = _telling(scene)
        said = predictions(scene.victim, rows)
        inputs, values, maps = rows.inputs(), {}, []
        for prefix, network in scene.both.items():
            for method in METHODS:
                found = self._of(method, network, inputs, said)
                maps.append(torch.full_like(inputs, torch.nan) if found is None else found.detach())
                if isinstance(goal, Backdoor):
                    there = (rows.x != before.x).flatten(1)
                    values[f"{prefix}salient.{method}"] = None if found is None else _share(found, there)
        shown = torch.stack(maps)[:, : self.rows].unflatten(0, (2, len(METHODS)))
        kept = {"rows": rows.x[: self.rows], "maps": shown, "said": said[: self.rows], "methods": np.array(METHODS)}
        return Learned(values, kept)

    def _of(self, method: str, network: Classifier, x: Inputs, y: Labels) -> Tensor | None:
        if method == "gradient":
            return gradient_saliency(network, x, y)
        if method == "integrated":
            return integrated_gradients(network, x, y, steps=self.steps)
        return guided_backpropagation(network, x, y) if _rectifiers(network) else None


def gradient_saliency(classifier: Classifier, x: Inputs, y: Labels) -> Tensor:
    """The absolute gradient of a class's logit in each pixel (n, *shape).

    Simonyan, Vedaldi and Zisserman, *Deep inside convolutional networks* (2014).

    Args:
        classifier: the network.
        x: rows as the classifier takes them (n, *shape).
        y: the class that is asked about, of each row (n).

    Raises:
        CapabilityError: the classifier has no gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> gradient_saliency(net, test.inputs(slice(0, 3)), test.y[:3]).shape
    torch.Size([3, 1, 8, 8])
    """
    return _gradient(classifier, x, y).abs()


def guided_backpropagation(classifier: Classifier, x: Inputs, y: Labels) -> Tensor:
    """The gradient of a class's logit, with negative signals stopped at every ReLU (n, *shape).

    Springenberg, Dosovitskiy, Brox and Riedmiller, *Striving for simplicity* (2015).

    Args:
        classifier: the network; its rectifiers must be `nn.ReLU` layers, each used once in a forward pass.
        x: rows as the classifier takes them (n, *shape).
        y: the class that is asked about, of each row (n).

    Raises:
        CapabilityError: the classifier has no gradients, or no `nn.ReLU`.
    """
    rectifiers = _rectifiers(classifier)
    if not rectifiers:
        raise CapabilityError("Guided backpropagation needs nn.ReLU layers, and the network has none.")

    def stop(_: nn.Module, given: tuple[Tensor, ...], __: Any) -> tuple[Tensor, ...]:
        return tuple(gradient.clamp_min(0) for gradient in given)

    handles = [layer.register_full_backward_hook(stop) for layer in rectifiers]
    inplace = [layer.inplace for layer in rectifiers]
    for layer in rectifiers:
        layer.inplace = False  # a backward hook cannot watch what is overwritten
    try:
        return _gradient(classifier, x, y)
    finally:
        for handle, layer, was in zip(handles, rectifiers, inplace, strict=True):
            handle.remove()
            layer.inplace = was


def integrated_gradients(
    classifier: Classifier, x: Inputs, y: Labels, *, baseline: Tensor | None = None, steps: int = 50
) -> Tensor:
    """Each pixel's part in the difference of a class's logit between a row and a baseline (n, *shape).

    Sundararajan, Taly and Yan, *Axiomatic attribution for deep networks* (2017), by Gauss and Legendre's quadrature.

    Args:
        classifier: the network.
        x: rows as the classifier takes them (n, *shape).
        y: the class that is asked about, of each row (n).
        baseline: where the path to the rows begins, one row for all or one for each; zeros where left out.
        steps: points of the quadrature.

    Raises:
        CapabilityError: the classifier has no gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> x, y = test.inputs(slice(0, 3)), test.y[:3]
    >>> parts = integrated_gradients(net, x, y).flatten(1).sum(1)
    >>> whole = (net.logits(x) - net.logits(0 * x))[[0, 1, 2], y]
    >>> bool(torch.allclose(parts, whole, atol=0.01))
    True
    """
    start = torch.zeros_like(x) if baseline is None else baseline.expand_as(x)
    places, weights = np.polynomial.legendre.leggauss(steps)
    total = torch.zeros_like(x)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        total += float(weight) * _gradient(classifier, start + float(place) * (x - start), y)
    return total * (x - start)


def _gradient(classifier: Classifier, x: Inputs, y: Labels) -> Tensor:
    network = with_layers(classifier)
    with network.evaluating(), torch.enable_grad():
        inputs = x.detach().to(network.device).requires_grad_()
        logits = network.logits(inputs).gather(1, y.to(network.device)[:, None])
        (gradient,) = torch.autograd.grad(logits.sum(), inputs)
    return gradient


def _rectifiers(classifier: Classifier) -> list[nn.ReLU]:
    return [layer for layer in with_layers(classifier).module.modules() if isinstance(layer, nn.ReLU)]


def _telling(scene: Scene) -> tuple[Dataset, Dataset]:
    """Rows worth explaining, without and with what the attacker puts into them."""
    goal, test = scene.poisoned.goal, scene.test
    if isinstance(goal, Backdoor):
        attacked = goal.attacked(test)
        few = attacked.subset(torch.arange(min(len(attacked), SCORED), device=attacked.device))
        return few, goal.triggered(few)
    wrong = (predictions(scene.victim, test) != test.y) & (predictions(scene.control, test) == test.y)
    rows = test.subset(torch.nonzero(wrong).flatten()[:SCORED])
    return rows, rows


def _share(saliency: Tensor, there: Tensor) -> float | None:
    """How much of each row's absolute saliency lies on some of its pixels; the mean over rows."""
    size = saliency.abs().flatten(1)
    total = size.sum(1)
    some = total > 0
    return float(((size * there.to(size)).sum(1)[some] / total[some]).mean()) if bool(some.any()) else None
