"""Attribution methods: the contribution of each pixel to the score of a class."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.analysis.layers import with_layers
from antivenom.errors import CapabilityError
from antivenom.models import Classifier, ModuleClassifier
from antivenom.shapes import Inputs, Labels


def gradient_saliency(classifier: Classifier, x: Inputs, y: Labels) -> Tensor:
    """Return the absolute gradient of a class's logit with respect to each pixel (n, *shape).

    Simonyan, Vedaldi and Zisserman, *Deep inside convolutional networks* (2014).

    Args:
        classifier: the network.
        x: rows in the form that the classifier takes (n, *shape).
        y: the class to explain for each row (n).

    Raises:
        CapabilityError: the classifier does not provide gradients.

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
    """Return the gradient of a class's logit, with negative gradients set to 0 at every ReLU (n, *shape).

    Springenberg, Dosovitskiy, Brox and Riedmiller, *Striving for simplicity* (2015).

    Args:
        classifier: the network. Its ReLUs must be `nn.ReLU` layers, each used once in a forward pass.
        x: rows in the form that the classifier takes (n, *shape).
        y: the class to explain for each row (n).

    Raises:
        CapabilityError: the classifier does not provide gradients, or has no `nn.ReLU` layers.
    """
    layers = relu_layers(classifier)
    if not layers:
        raise CapabilityError(
            "Guided backpropagation requires nn.ReLU layers, which this network does not have. Use another method."
        )

    def clamp(_: nn.Module, gradients: tuple[Tensor, ...], __: Any) -> tuple[Tensor, ...]:
        return tuple(gradient.clamp_min(0) for gradient in gradients)

    handles = [layer.register_full_backward_hook(clamp) for layer in layers]
    inplace = [layer.inplace for layer in layers]
    for layer in layers:
        layer.inplace = False  # backward hooks do not work with in-place operations
    try:
        return _gradient(classifier, x, y)
    finally:
        for handle, layer, was in zip(handles, layers, inplace, strict=True):
            handle.remove()
            layer.inplace = was


def integrated_gradients(
    classifier: Classifier, x: Inputs, y: Labels, *, baseline: Tensor | None = None, steps: int = 50
) -> Tensor:
    """Return each pixel's contribution to the difference of a class's logit between a row and a baseline (n, *shape).

    Sundararajan, Taly and Yan, *Axiomatic attribution for deep networks* (2017), with Gauss-Legendre quadrature.

    Args:
        classifier: the network.
        x: rows in the form that the classifier takes (n, *shape).
        y: the class to explain for each row (n).
        baseline: the start of the path to each row: one row for all, or one for each row. Zeros if omitted.
        steps: the number of points of the quadrature.

    Raises:
        CapabilityError: the classifier does not provide gradients.

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
        size = network.rows_per_gradient
        return torch.cat([_batch_gradient(network, *each) for each in zip(x.split(size), y.split(size), strict=True)])


def _batch_gradient(network: ModuleClassifier, x: Inputs, y: Labels) -> Tensor:
    inputs = x.detach().to(network.device).requires_grad_()
    logits = network.logits(inputs).gather(1, y.to(network.device)[:, None])
    (gradient,) = torch.autograd.grad(logits.sum(), inputs)
    return gradient


def relu_layers(classifier: Classifier) -> list[nn.ReLU]:
    """Return the ReLU layers of a network. Guided backpropagation changes them temporarily."""
    return [layer for layer in with_layers(classifier).module.modules() if isinstance(layer, nn.ReLU)]
