"""Saliency, against captum's."""

from typing import Any

import pytest
import torch
from torch import nn

from antivenom.analysis import (
    gradient_saliency,
    guided_backpropagation,
    integrated_gradients,
)
from antivenom.models import as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images

TRAIN, TEST = toy_images(800), toy_images(400, seed=1)


def network(*, inplace: bool = False, normalised: bool = False) -> Any:
    torch_net = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(inplace), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 12),
        nn.ReLU(inplace), nn.Dropout(0.5), nn.Linear(12, 4),
    )  # fmt: skip
    settings = {"mean": 0.3, "std": 0.4} if normalised else {}
    return as_classifier(torch_net, input_shape=(1, 6, 6), **settings).fresh(Rng(3))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_saliency_is_captums(inplace: bool, normalised: bool) -> None:
    from captum.attr import GuidedBackprop, IntegratedGradients
    from captum.attr import Saliency as Gradient

    net = network(inplace=inplace, normalised=normalised)
    plain = network(normalised=normalised).with_state(net.state())

    class Whole(nn.Module):
        """The network from rows to logits, as captum wants it."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = plain.module.eval()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return plain.logits(x) if normalised else self.inner(x)

    whole, x, y = Whole(), TEST.inputs(slice(0, 12)), TEST.y[:12]
    theirs = Gradient(whole).attribute(x.clone().requires_grad_(), target=y)
    assert torch.allclose(gradient_saliency(net, x, y), theirs, atol=1e-6)
    with pytest.warns(UserWarning, match="backward hooks"):
        theirs = GuidedBackprop(whole).attribute(x.clone().requires_grad_(), target=y)
    assert torch.allclose(guided_backpropagation(net, x, y), theirs, atol=1e-6)
    assert not torch.allclose(theirs.abs(), gradient_saliency(net, x, y), atol=1e-3), "guidance changes something"
    for baseline in (None, torch.full((1, 6, 6), 0.5)):
        given = None if baseline is None else baseline.expand_as(x)
        theirs = IntegratedGradients(whole).attribute(x.clone(), baselines=given, target=y, n_steps=50)
        assert torch.allclose(integrated_gradients(net, x, y, baseline=baseline), theirs, atol=1e-5)


def test_saliency_leaves_the_network_as_it_was() -> None:
    net = network(inplace=True)
    net.module.train()
    before = {name: value.clone() for name, value in net.module.state_dict().items()}
    guided_backpropagation(net, TEST.inputs(slice(0, 3)), TEST.y[:3])
    assert all(layer.training for layer in net.module.modules())
    assert all(layer.inplace for layer in net.module.modules() if isinstance(layer, nn.ReLU))
    assert all(not layer._backward_hooks for layer in net.module.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.module.state_dict().items())
    assert all(weight.grad is None for weight in net.module.parameters())
