"""Weight initialisers with the names and scales of Keras."""

import math
from collections.abc import Callable
from typing import Literal

from torch import Generator, Tensor, nn

InitialiserName = Literal[
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "random_uniform",
    "random_normal",
    "truncated_normal",
    "orthogonal",
    "zeros",
    "ones",
]
"""The initialisers that a spec can name."""

_TRUNCATED = 0.87962566103423978
"""The standard deviation of a standard normal truncated at ±2. Drawn values are divided by it."""


def initialise(tensor: Tensor, name: InitialiserName, generator: Generator) -> None:
    """Fill a weight or bias in place.

    The variance of the `_uniform` and `_normal` families is 2 / (fan in + fan out) for Glorot, 2 / fan in for He and
    1 / fan in for LeCun. The normal families are truncated at two standard deviations. `random_uniform` draws from
    ±0.05. `random_normal` has the standard deviation 0.05, and `truncated_normal` truncates it at ±0.1. A bias is
    handled as one row of weights.

    >>> import torch
    >>> weight = torch.empty(3, 2)
    >>> initialise(weight, "ones", Generator())
    >>> weight.sum().item()
    6.0
    """
    matrix = tensor.detach() if tensor.ndim > 1 else tensor.detach().unsqueeze(0)
    fills[name](matrix, generator)


def _variance(tensor: Tensor, family: str) -> float:
    fan_in = tensor[0].numel()
    fan_out = tensor.shape[0] * tensor[0][0].numel()
    return {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}[family]


def _uniform(family: str) -> Callable[[Tensor, Generator], object]:
    def fill(tensor: Tensor, generator: Generator) -> None:
        limit = math.sqrt(3 * _variance(tensor, family))
        nn.init.uniform_(tensor, -limit, limit, generator=generator)

    return fill


def _normal(family: str) -> Callable[[Tensor, Generator], object]:
    def fill(tensor: Tensor, generator: Generator) -> None:
        std = math.sqrt(_variance(tensor, family)) / _TRUNCATED
        nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=generator)

    return fill


fills: dict[InitialiserName, Callable[[Tensor, Generator], object]] = {
    "glorot_uniform": _uniform("glorot"),
    "glorot_normal": _normal("glorot"),
    "he_uniform": _uniform("he"),
    "he_normal": _normal("he"),
    "lecun_uniform": _uniform("lecun"),
    "lecun_normal": _normal("lecun"),
    "random_uniform": lambda tensor, generator: nn.init.uniform_(tensor, -0.05, 0.05, generator=generator),
    "random_normal": lambda tensor, generator: nn.init.normal_(tensor, 0.0, 0.05, generator=generator),
    "truncated_normal": lambda tensor, generator: nn.init.trunc_normal_(
        tensor, 0.0, 0.05, -0.1, 0.1, generator=generator
    ),
    "orthogonal": lambda tensor, generator: nn.init.orthogonal_(tensor, generator=generator),
    "zeros": lambda tensor, _: nn.init.zeros_(tensor),
    "ones": lambda tensor, _: nn.init.ones_(tensor),
}
