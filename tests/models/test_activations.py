"""Activations by name."""

from typing import Any, get_args

import pytest
import torch

from antivenom.models.activations import ActivationName, activation


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_every_activation_is_a_new_layer_that_keeps_the_shape(name: Any) -> None:
    assert activation(name) is not activation(name)
    assert activation(name)(torch.ones(2, 3)).shape == (2, 3)
