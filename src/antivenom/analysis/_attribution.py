"""How much each pixel contributes to the score of a class."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.analysis.layers import with_layers
from antivenom.errors import CapabilityError
from antivenom.models import Classifier
from antivenom.shapes import Inputs, Labels


def gradient_saliency(classifier: Classifier, x: Inputs, y: Labels) -> Tensor:
    """The absolute gradient of a class's logit in each pixel (n, *shape).

    Simonyan, Vedaldi and Zisserman, *Deep inside convolutional networks* (2014).

    Args:
        classifier: the network.
        x: rows as the classifier takes them (n, *shape).
        y: the class that each row is explained for (n).

    Raises:
        CapabilityError: the classifier has no gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
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
        classifier: the network; its ReLUs must be `nn.ReLU` layers, each used once in a forward pass.
        x: rows as the classifier takes them (n, *shape).
        y: the class that each row is explained for (n).

    Raises:
        CapabilityError: the classifier has no gradients, or no `nn.ReLU`.
    """
    layers = relu_layers(classifier)
    if not layers:
        raise CapabilityError("Guided backpropagation needs nn.ReLU layers, and the network has none.")

    def stop(_: nn.Module, given: tuple[Tensor, ...], __: Any) -> tuple[Tensor, ...]:
        return tuple(gradient.clamp_min(0) for gradient in given)

    handles = [layer.register_full_backward_hook(stop) for layer in layers]
    inplace = [layer.inplace for layer in layers]
    for layer in layers:
        layer.inplace = False  # a backward hook cannot watch what is overwritten
    try:
        return _gradient(classifier, x, y)
    finally:
        for handle, layer, was in zip(handles, layers, inplace, strict=True):
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
        y: the class that each row is explained for (n).
        baseline: where the path to the rows begins, one row for all or one for each; zeros where left out.
        steps: points of the quadrature.

    Raises:
        CapabilityError: the classifier has no gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
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


def relu_layers(classifier: Classifier) -> list[nn.ReLU]:
    """The ReLU layers of a network, which guided backpropagation changes."""
    return [layer for layer in with_layers(classifier).module.modules() if isinstance(layer, nn.ReLU)]
