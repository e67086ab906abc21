"""The outputs of layers of a network, by the numbers and names of ART's classifiers."""

import torch
from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.models import ModuleClassifier
from antivenom.models.keras import is_keras


def names_of_layers(network: ModuleClassifier) -> list[str]:
    """Return the names of the layers: of Keras without the last, as in ART; of PyTorch all that contain no others."""
    names = list(network.layers())
    return names[:-1] if is_keras(network.module) else names


def name_of_layer(network: ModuleClassifier, layer: int | str) -> str:
    """Return the name of a layer from its name or its number.

    Raises:
        CapabilityError: the network does not have this layer.
    """
    names = network.layers()
    if isinstance(layer, str):
        if layer in names or (not is_keras(network.module) and layer in dict(network.module.named_modules())):
            return layer
        raise CapabilityError(f"Unknown layer '{layer}'. Use one of: {', '.join(names)}.")
    if not 0 <= layer < len(names):
        raise CapabilityError(f"A layer's number must be from 0 to {len(names) - 1}; got {layer}.")
    return names[layer]


def output_of_layer(network: ModuleClassifier, x: Tensor, name: str) -> Tensor:
    """Return the differentiable output of a layer for one batch, in evaluation mode, in the layout of the model.

    Args:
        network: the network.
        x: the rows of the batch, channels first.
        name: the name of the layer.

    Raises:
        CapabilityError: the layer does not run, or returns no tensor.
    """
    if is_keras(network.module):
        import keras  # noqa: PLC0415 - an extra, installed if there is a Keras model

        part = keras.Model(network.module.inputs, network.module.get_layer(name).output)  # type: ignore[operator]
        return torch.as_tensor(part(network.normalised(x), training=False))
    kept: list[object] = []
    layer = network.module.get_submodule(name)
    handle = layer.register_forward_hook(lambda _, __, output: kept.append(output))
    try:
        with network.evaluating():
            network.logits(x)
    finally:
        handle.remove()
    if not kept or not isinstance(kept[-1], Tensor):
        raise CapabilityError(f"Layer '{name}' does not run in the module's forward, or returns no tensor.")
    return kept[-1]
