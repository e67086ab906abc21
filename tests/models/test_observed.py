"""Gradients with respect to the output of a layer, for PyTorch and Keras."""

import pytest
import torch
from torch import nn

from antivenom.models import as_classifier, as_module
from antivenom.models.observed import logits_after, turned_units
from antivenom.models.silencing import default_silenced_layer, layers_of_kind


@pytest.mark.parametrize("order", ["channels_last", "channels_first"])
def test_keras_and_torch_have_the_same_gradients(order: str) -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    shape = (8, 8, 1) if order == "channels_last" else (1, 8, 8)
    convolution = keras.layers.Conv2D(4, 3, activation="relu", data_format=order)
    pooled = keras.layers.GlobalAveragePooling2D(data_format=order)
    model = keras.Sequential([keras.layers.Input(shape), convolution, pooled, keras.layers.Dense(3)])
    weights = [each.detach() for each in net.parameters()]
    convolution.set_weights([weights[0].permute(2, 3, 1, 0).numpy(), weights[1].numpy()])
    model.layers[-1].set_weights([weights[2].T.numpy(), weights[3].numpy()])
    x, products = torch.rand(5, 1, 8, 8), []
    for module in (net, model):
        network = as_module(as_classifier(module, input_shape=(1, 8, 8)), by="a test").copy()
        network.module.requires_grad_(False)
        layer = default_silenced_layer(network)
        assert len(layers_of_kind(network, "linear")) == 1
        before = network.logits(x)
        logits, output = logits_after(network, x, layer)
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), output)
        products.append(turned_units(network, layer, output.detach() * gradient).flatten(2).sum((0, 2)))
        assert torch.equal(network.logits(x), before), "the layer is as it was"
    assert torch.allclose(*products, atol=1e-5)
