"""Find a layer of a network with units that can be silenced."""

from collections.abc import Iterator

import torch
from torch import nn

from antivenom.errors import CapabilityError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def default_silenced_layer(classifier: Classifier) -> str:
    """Return the name of the last convolution, or without one, of the last hidden linear layer.

    Raises:
        CapabilityError: the network has no hidden layer.
    """
    if not isinstance(classifier, ModuleClassifier):
        raise CapabilityError(f"Silencing requires layers, which {classifier.name} does not have. Pass an nn.Module.")
    layers = list(classifier.module.named_modules())
    convolutions = [name for name, layer in layers if isinstance(layer, CONVOLUTIONS)]
    hidden = [name for name, layer in layers if isinstance(layer, nn.Linear)][:-1]
    if not convolutions and not hidden:
        raise CapabilityError("Silencing requires a hidden layer; the network has none. Name a layer.")
    return str((convolutions or hidden)[-1])


def silencing_problems(classifier: Classifier, layer: str | None) -> Iterator[str]:
    """Yield a sentence for each reason that the units of a layer, or of the default layer, cannot be silenced."""
    try:
        classifier.silence(layer or default_silenced_layer(classifier), torch.tensor([0]))
    except CapabilityError as error:
        yield str(error)
