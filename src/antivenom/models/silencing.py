"""Find a layer of a network with units that can be silenced."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from antivenom.errors import CapabilityError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier
from antivenom.models.keras import KerasClassifier

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def default_silenced_layer(classifier: Classifier) -> str:
    """Return the name of the last convolution, or without one, of the last hidden linear layer.

    Raises:
        CapabilityError: the network has no hidden layer.
    """
    if not isinstance(classifier, ModuleClassifier):
        raise CapabilityError(f"Silencing requires layers, which {classifier.name} does not have. Pass an nn.Module.")
    convolutions = layers_of_kind(classifier, "convolution")
    hidden = layers_of_kind(classifier, "linear")[:-1]
    if not convolutions and not hidden:
        raise CapabilityError("Silencing requires a hidden layer; the network has none. Name a layer.")
    return (convolutions or hidden)[-1]


def layers_of_kind(classifier: ModuleClassifier, kind: str) -> list[str]:
    """Return the names of the layers of a kind, "convolution" or "linear", from input to output."""
    if isinstance(classifier, KerasClassifier):
        return [name for name, own in classifier.layers_with_units().items() if own == kind]
    types = CONVOLUTIONS if kind == "convolution" else (nn.Linear,)
    return [name for name, layer in classifier.module.named_modules() if isinstance(layer, types)]


def units_second(layer: object, output: Tensor) -> Tensor:
    """Return the output of a layer with its units on axis 1: linear and layer-norm layers have them last.

    >>> units_second(nn.Linear(3, 7), torch.zeros(5, 8, 6, 7)).shape
    torch.Size([5, 7, 8, 6])
    """
    last = isinstance(layer, nn.Linear) or (isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) == 1)
    return output.movedim(-1, 1) if last and output.ndim > 2 else output


def silencing_problems(classifier: Classifier, layer: str | None) -> Iterator[str]:
    """Yield a sentence for each reason that the units of a layer, or of the default layer, cannot be silenced."""
    try:
        classifier.silence(layer or default_silenced_layer(classifier), torch.tensor([0]))
    except CapabilityError as error:
        yield str(error)
