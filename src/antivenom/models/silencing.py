"""Which layer of a network has units that can be silenced."""

from collections.abc import Iterator

import torch
from torch import nn

from antivenom.errors import CapabilityError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def default_silenced_layer(classifier: Classifier) -> str:
    """The last convolution; without one, the last linear layer before the output.

    Raises:
        CapabilityError: it has no hidden layer.
    """
    if not isinstance(classifier, ModuleClassifier):
        raise CapabilityError(f"{type(classifier).__name__} has no layers to look into. Pass a torch.nn.Module.")
    layers = list(classifier.module.named_modules())
    convolutions = [name for name, layer in layers if isinstance(layer, CONVOLUTIONS)]
    hidden = [name for name, layer in layers if isinstance(layer, nn.Linear)][:-1]
    if not convolutions and not hidden:
        raise CapabilityError("The network has no hidden layer whose units could be silenced. Name one.")
    return str((convolutions or hidden)[-1])


def silencing_problems(classifier: Classifier, layer: str | None) -> Iterator[str]:
    """Why the units of a layer, or of the default one, cannot be silenced."""
    try:
        classifier.silence(layer or default_silenced_layer(classifier), torch.tensor([0]))
    except CapabilityError as error:
        yield str(error)
