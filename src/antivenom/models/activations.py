"""Activation layers by name."""

from typing import Literal

from torch import nn

ActivationName = Literal["relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "leaky_relu", "linear"]
"""The activations that a spec can name."""

_CLASSES: dict[ActivationName, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "leaky_relu": nn.LeakyReLU,
    "linear": nn.Identity,
}


def activation(name: ActivationName) -> nn.Module:
    """Return a new activation layer.

    >>> activation("relu")
    ReLU()
    """
    return _CLASSES[name]()
