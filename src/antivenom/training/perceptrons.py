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
        self._buffers: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}

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
        members, rows = len(x), x.shape[1]
        layers, buffers = self._views(members, rows)
        hidden = [x.transpose(1, 2)]
        for layer, (out, _) in zip(layers, buffers, strict=True):
            _products(layer.weight, hidden[-1].transpose(1, 2), out).add_(layer.bias)
            hidden.append(out if layer.activation is None else layer.activation[0](out))
        log = torch.log_softmax(hidden.pop(), 1)
        losses, slope = _loss(log, y, 1 / rows if shares is None else shares)
        for place in range(len(layers) - 1, -1, -1):
            layer = layers[place]
            _products(slope, hidden[place], layer.weight_grad)
            torch.sum(slope, 2, out=layer.bias_grad)
            if place:
                slope = _products(layer.weight.transpose(1, 2), slope.transpose(1, 2), buffers[place][1])
                before = layers[place - 1].activation
                if before is not None:
                    before[1](slope, hidden[place])
        return losses

    def _views(self, members: int, rows: int) -> tuple[list[_Dense], list[tuple[Tensor, Tensor]]]:
        """Return the layers of the first members, and for each the memory of its output and of its input's gradient."""
        if (members, rows) not in self._buffers:
            self._buffers[members, rows] = [
                (torch.empty(members, out, rows), torch.empty(members if place else 0, into, rows))
                for place, (_, out, into) in enumerate(layer.weight.shape for layer in self.layers)
            ]
        buffers = self._buffers[members, rows]
        if members == self.members:
            return self.layers, buffers
        return [_first(layer, members) for layer in self.layers], buffers


def _products(left: Tensor, right: Tensor, out: Tensor) -> Tensor:
    """Write left · rightᵀ of each member into `out` (k, n, m), from matrices (k, n, c) and (k, m, c); return it."""
    if not HAS_ONEDNN_PRODUCT or left[0].numel() * right.shape[1] < LARGE_PRODUCT:
        return torch.bmm(left, right.transpose(1, 2), out=out)
    for one, other, place in zip(left, right, out, strict=True):
        place.copy_(onednn_product(one, other))
    return out


def _loss(log: Tensor, y: Tensor, shares: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the losses (k) and the gradient of the logits (k, classes, n), from log-probabilities."""
    losses = log.gather(1, y).mul_(shares).sum((1, 2)).neg_()
    slope = log.exp_()
    slope.scatter_add_(1, y, slope.new_full((1, 1, 1), -1.0).expand_as(y)).mul_(shares)
    return losses, slope


def _first(layer: _Dense, members: int) -> _Dense:
    weights, gradients = (layer.weight, layer.bias), (layer.weight_grad, layer.bias_grad)
    (weight, bias), (slope, offset) = ([each[:members] for each in pair] for pair in (weights, gradients))
    return _Dense(weight, bias, slope, offset, layer.activation)
