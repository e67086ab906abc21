"""A network's layer by name, and what its units give."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from antivenom.errors import CapabilityError
from antivenom.models import ModuleClassifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH
from antivenom.models.silencing import default_silenced_layer, silencing_problems
from antivenom.shapes import Inputs


def find_layer(network: ModuleClassifier, layer: str | None) -> str:
    """The name of the layer that is meant: the last convolution if None, the last linear but one if `penultimate`.

    Raises:
        CapabilityError: the network has none such.
    """
    if layer is None:
        return default_silenced_layer(network)
    if layer == "penultimate":
        linear = [name for name, each in network.module.named_modules() if isinstance(each, nn.Linear)]
        if len(linear) < 2:
            raise CapabilityError("A penultimate layer needs two linear layers, and the network has fewer.")
        return str(linear[-2])
    if layer not in network.layers():
        raise CapabilityError(f"There is no layer '{layer}'. There are: {', '.join(network.layers())}.")
    return layer


def layer_problems(network: ModuleClassifier, layer: str | None) -> Iterator[str]:
    """Why there is no such layer, or why its units cannot be silenced."""
    try:
        found = find_layer(network, layer)
    except CapabilityError as error:
        yield str(error)
    else:
        yield from silencing_problems(network, found)


def mean_activations(network: ModuleClassifier, x: Inputs, layer: str) -> Tensor:
    """What each unit of a layer gives for each row (n, units): above 0, and of a channel the mean over its places."""
    parts = []
    for part in x.split(ROWS_PER_WIDE_BATCH):
        given = network.activations(part, (layer,))[layer].clamp_min(0)
        parts.append(given.flatten(2).mean(2) if given.ndim > 2 else given)
    return torch.cat(parts)
