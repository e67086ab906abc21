"""Filters of the first layer."""

import torch

from antivenom.analysis import (
    first_layer_filters,
)
from antivenom.models import CNN, MLP
from antivenom.rng import Rng


def test_filters_are_the_first_layers_weights() -> None:
    built = {"input_shape": (1, 6, 6), "classes": 4, "bounds": (0.0, 1.0), "rng": Rng(0)}
    dense, convolutional = MLP(hidden=(5,)).build(**built), CNN(filters=(4,), hidden=()).build(**built)
    assert torch.equal(first_layer_filters(dense).flatten(1), dense.module.hidden_1.weight)
    assert torch.equal(first_layer_filters(convolutional), convolutional.module.conv_1.weight)
