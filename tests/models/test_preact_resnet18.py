"""The pre-activation ResNet-18."""

import pytest
import torch

from antivenom.attacks import GradientPoison
from antivenom.errors import SettingsError
from antivenom.models.preact_resnet18 import PreactResnet18
from antivenom.rng import Rng
from antivenom.testing import toy_images


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 64, 64), (1, 8, 8)])
def test_preact_resnet18_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    classifier = PreactResnet18(width=4).build(input_shape=shape, classes=7, bounds=(0, 1), rng=Rng(0))
    assert classifier.scores(torch.rand(3, *shape)).shape == (3, 7)
    assert classifier.features(torch.rand(3, *shape)).shape == (3, 32)


def test_preact_resnet18_has_the_published_number_of_weights() -> None:
    net = PreactResnet18().build(input_shape=(3, 32, 32), classes=10, bounds=(0, 1), rng=Rng(0))
    assert sum(parameter.numel() for parameter in net.module.parameters()) == 11_171_146
    with pytest.raises(SettingsError, match="requires images"):
        PreactResnet18().build(input_shape=(5,), classes=2, bounds=None, rng=Rng(0))


def test_a_residual_network_is_poisoned_too() -> None:
    data = toy_images()
    net = PreactResnet18(width=4).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    made = GradientPoison(count=4, rounds=2).poison(data, rng=Rng(0), surrogate=net)
    assert not torch.equal(made.x, data.x[made.rows])
