"""Losses and gradients of several perceptrons of one architecture at once, with hand-written derivatives.

Activations have the layout (members, units, rows). In it, narrow layers and the softmax over few classes use whole
vectors of the processor, and the rows of a batch are next to each other. A product of stacked matrices has the same
bits as the products of its parts, except for batches of very few rows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from antivenom.private.kernels import HAS_ONEDNN_PRODUCT, onednn_product
from antivenom.training.plain import plain

aten = torch.ops.aten

VECTOR = 16
"""The weights of a member fill whole vectors of this many numbers, so that an update rounds alike at every place."""

LARGE_PRODUCT = 1 << 21
"""From this number of multiplications, oneDNN is faster than MKL on processors on which MKL does not use AVX-512."""

_MINUS = torch.full((1, 1, 1), -1.0)

Activation = tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], object]]
"""An activation in place, and its derivative in place: a function of the gradient and of the output."""

ACTIVATIONS: dict[type[nn.Module], Activation] = {
    nn.ReLU: (torch.relu_, lambda g, y: aten.threshold_backward.grad_input(g, y, 0, grad_input=g)),
    nn.Tanh: (torch.tanh_, lambda g, y: aten.tanh_backward.grad_input(g, y, grad_input=g)),
    nn.Sigmoid: (torch.sigmoid_, lambda g, y: aten.sigmoid_backward.grad_input(g, y, grad_input=g)),
}


def is_perceptron(module: nn.Module, input_shape: tuple[int, ...]) -> bool:
    """True if a module is a plain network of linear layers, each followed by at most one activation.

    >>> is_perceptron(nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 2)), (1, 8, 8))
    True
    """
    if not plain(module):
        return False
    kinds = [type(layer) for layer in module.children() if type(layer) is not nn.Identity]
    first = kinds.index(nn.Linear)
    if kinds[:first] not in ([], [nn.Flatten]) or any(kind not in (nn.Linear, *ACTIVATIONS) for kind in kinds[first:]):
        return False
    pairs = zip(kinds[first:], kinds[first + 1 :], strict=False)
    if any(one in ACTIVATIONS and other in ACTIVATIONS for one, other in pairs):
        return False
    linear = next(layer for layer in module.children() if isinstance(layer, nn.Linear))
    flat = bool(first) or len(input_shape) == 1
    return flat and linear.in_features == math.prod(input_shape)


@dataclass
class _Dense:
    """A linear layer of k members with the activation after it."""

    weight: Tensor  # (k, out, in)
    bias: Tensor  # (k, out, 1)
    weight_grad: Tensor
    bias_grad: Tensor  # (k, out)
    activation: Activation | None

    def first(self, members: int) -> "_Dense":
        """Return the layer of the first members."""
        weights, gradients = (self.weight, self.bias), (self.weight_grad, self.bias_grad)
        (weight, bias), (slope, offset) = ([each[:members] for each in pair] for pair in (weights, gradients))
        return _Dense(weight, bias, slope, offset, self.activation)


class _Batch:
    """A layer for batches of n rows, with the memory of its output and of the gradient of its input."""

    def __init__(self, layer: _Dense, rows: int, *, first: bool) -> None:
        members, units, inputs = layer.weight.shape
        self.layer, self.turned = layer, layer.weight.transpose(1, 2)
        self.out = torch.empty(members, units, rows)
        self.out_turned = self.out.transpose(1, 2)
        self.slope = torch.empty(0 if first else members, inputs, rows)
        large = HAS_ONEDNN_PRODUCT and units * inputs * rows >= LARGE_PRODUCT
        self.product = _large_products if large else torch.bmm


class Perceptrons:
    """The weights of k perceptrons in one tensor, and their losses and gradients.

    The tensor consists of blocks (k, p), one for each weight matrix and each bias; p is a multiple of `VECTOR`.

    Args:
        modules: the networks (k), for each of which `is_perceptron` is true. Their parameters become views of
            `weights`.

    Attributes:
        weights: all weights, with zeros between the blocks.
        gradient: their gradient, in the same form.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.members = len(modules)
        self.sizes = [parameter.numel() for parameter in modules[0].parameters()]
        self.widths = [-(-size // VECTOR) * VECTOR for size in self.sizes]
        self.weights = torch.zeros(self.members * sum(self.widths))
        self.gradient = torch.zeros_like(self.weights)
        blocks = self.blocks(self.weights)
        for place, module in enumerate(modules):
            for block, parameter in zip(blocks, module.parameters(), strict=True):
                part = block[place, : parameter.numel()].view(parameter.shape)
                parameter.data = part.copy_(parameter.detach())
        self.layers = list(self._dense(modules[0]))
        self._batches: dict[tuple[int, int], list[_Batch]] = {}

    def blocks(self, numbers: Tensor) -> list[Tensor]:
        """Return the blocks (k, p) of a tensor in the form of `weights`."""
        parts = numbers.split([self.members * width for width in self.widths])
        return [part.view(self.members, -1) for part in parts]

    def _dense(self, module: nn.Module) -> list[_Dense]:
        parts = [
            block[:, :size]
            for numbers in (self.weights, self.gradient)
            for block, size in zip(self.blocks(numbers), self.sizes, strict=True)
        ]
        half, layers = len(self.sizes), list[_Dense]()
        for layer in module.children():
            if isinstance(layer, nn.Linear):
                place, shape = 2 * len(layers), (self.members, layer.out_features, layer.in_features)
                weight, bias = parts[place].view(shape), parts[place + 1].unsqueeze(2)
                layers.append(_Dense(weight, bias, parts[half + place].view(shape), parts[half + place + 1], None))
            elif type(layer) in ACTIVATIONS:
                layers[-1].activation = ACTIVATIONS[type(layer)]
        return layers

    def gradients(self, x: Tensor, y: Tensor, shares: Tensor | None = None) -> Tensor:
        """Write the gradients of the first k members, and return their mean losses (k).

        Args:
            x: the rows of each member (k, n, d).
            y: their class numbers (k, 1, n).
            shares: the share of each row in the loss of its member (k, 1, n); 0 for padding. 1/n each if omitted.
        """
        members, rows = x.shape[:2]
        layers = self._batches.get((members, rows)) or self._new_batches(members, rows)
        inputs, turned = x.transpose(1, 2), [x]
        for batch in layers:
            layer = batch.layer
            out = batch.product(layer.weight, inputs, out=batch.out).add_(layer.bias)
            inputs = out if layer.activation is None else layer.activation[0](out)
            turned.append(batch.out_turned)
        losses, slope = _loss(torch.log_softmax(inputs, 1), y, 1 / rows if shares is None else shares)
        for place in range(len(layers) - 1, -1, -1):
            batch = layers[place]
            batch.product(slope, turned[place], out=batch.layer.weight_grad)
            torch.sum(slope, 2, out=batch.layer.bias_grad)
            if place:
                slope = batch.product(batch.turned, slope, out=batch.slope)
                before = layers[place - 1]
                if before.layer.activation is not None:
                    before.layer.activation[1](slope, before.out)
        return losses

    def _new_batches(self, members: int, rows: int) -> list[_Batch]:
        layers = self.layers if members == self.members else [layer.first(members) for layer in self.layers]
        made = [_Batch(layer, rows, first=not place) for place, layer in enumerate(layers)]
        self._batches[members, rows] = made
        return made


def _large_products(left: Tensor, right: Tensor, *, out: Tensor) -> Tensor:
    """Write the products of the members' matrices into `out`, as `torch.bmm` does."""
    for one, other, place in zip(left, right.transpose(1, 2), out, strict=True):
        place.copy_(onednn_product(one, other))
    return out


def _loss(log: Tensor, y: Tensor, shares: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the losses (k) and the gradient of the logits (k, classes, n), from log-probabilities."""
    losses = log.gather(1, y).mul_(shares).sum((1, 2)).neg_()
    slope = log.exp_()
    return losses, slope.scatter_add_(1, y, _MINUS.expand_as(y)).mul_(shares)
