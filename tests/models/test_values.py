"""Weights that are not finite are refused; weights that new ones replace are named."""

import pytest
import torch
from torch import Tensor, nn

from antivenom.errors import SettingsError
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd
from tests.helpers.usual_networks import NORMAL, SHAPE

REPLACED = "A training does not start with the weights of your module; it draws new ones."


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))


def replaced(module: nn.Module, shape: tuple[int, ...] = SHAPE) -> list[str]:
    return [each for each in as_classifier(module, input_shape=shape).assumptions if REPLACED in each]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["0.weight", "4.bias", "1.weight"])
def test_parameters_that_are_not_finite_are_refused_by_name(name: str, value: float) -> None:
    module = net()
    module.get_parameter(name).data.flatten()[1] = value
    with pytest.raises(SettingsError, match=rf"'{name}' must have finite numbers; 1 of [\d,]+ are NaN or infinity"):
        as_classifier(module, input_shape=SHAPE)


def test_running_statistics_that_are_nan_are_refused_by_name() -> None:
    module = net()
    module.get_buffer("1.running_mean")[0] = torch.nan
    with pytest.raises(SettingsError, match=r"'1.running_mean' must have finite numbers; 1 of 8 are NaN"):
        as_classifier(module, input_shape=SHAPE)


class Masked(nn.Module):
    """Has a buffer with infinity, as masks of attention have."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(64, 3)
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.flatten(1)) + self.mask[0]  # type: ignore[no-any-return]


def test_masks_with_infinity_are_taken() -> None:
    assert as_classifier(Masked(), input_shape=SHAPE).classes == 3


def kaiming(module: nn.Module) -> None:
    nn.init.kaiming_normal_(module.get_parameter("0.weight"))


def zeros(module: nn.Module) -> None:
    nn.init.zeros_(module.get_parameter("4.bias"))


def gains(module: nn.Module) -> None:
    module.get_parameter("1.weight").data += 0.1


@pytest.mark.parametrize(("change", "layer"), [(kaiming, "0"), (zeros, "4"), (gains, "1")])
def test_weights_of_the_constructor_that_new_ones_replace_are_named(change: object, layer: str) -> None:
    module = net()
    change(module)  # type: ignore[operator]
    (sentence,) = replaced(module)
    assert sentence.startswith("A training does not start with the weights of your module; it draws new ones. To start")
    assert f"Seen: the weights of '{layer}' are not as" in sentence
    classifier = as_classifier(module, input_shape=SHAPE)
    assert isinstance(classifier, ModuleClassifier)
    assert not torch.equal(classifier.fresh(Rng(0)).module.state_dict()["0.weight"], module[0].weight)


def test_trained_weights_that_new_ones_replace_are_named_unless_they_are_frozen() -> None:
    data = toy_images()
    flat = nn.Sequential(nn.Flatten(), nn.Linear(36, 64), nn.ReLU(), nn.Linear(64, 4))
    trained = EndToEnd(epochs=3).fit(as_classifier(flat, input_shape=data.shape), data, rng=Rng(0))
    assert isinstance(trained, ModuleClassifier)
    (sentence,) = replaced(trained.module, data.shape)
    assert "classifier.with_state(classifier.state())" in sentence
    frozen = trained.module.requires_grad_(False)
    assert replaced(frozen, data.shape) == []


@pytest.mark.parametrize("number", [number for number in range(len(NORMAL)) if not 22 <= number < 27])
def test_new_networks_of_usual_kinds_have_nothing_to_replace(number: int) -> None:
    torch.manual_seed(number)
    assert replaced(NORMAL[number]()) == []
