"""Layers of a network by name, and the activations of their units."""

from collections.abc import Iterator

import torch
from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.models import ModuleClassifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH
from antivenom.models.silencing import default_silenced_layer, layers_of_kind, silencing_problems, units_second
from antivenom.shapes import Inputs


def find_layer(network: ModuleClassifier, layer: str | None) -> str:
    """Return the name of a layer of the network.

    Args:
        network: the network.
        layer: a name; None for the last convolution, or for `penultimate` without one;
            `penultimate` for the second to last linear layer.

    Raises:
        CapabilityError: the network does not have such a layer.
    """
    if layer is None:
        return default_silenced_layer(network)
    if layer == "penultimate":
        linear = layers_of_kind(network, "linear")
        if len(linear) < 2:
            raise CapabilityError(f"layer 'penultimate' requires 2 linear layers; the network has {len(linear)}.")
        return linear[-2]
    if layer not in network.layers():
        raise CapabilityError(f"Unknown layer '{layer}'. Use one of: {', '.join(network.layers())}.")
    return layer


def layer_problems(network: ModuleClassifier, layer: str | None) -> Iterator[str]:
    """Yield the reasons why the layer does not exist or its units cannot be silenced."""
    try:
        name = find_layer(network, layer)
    except CapabilityError as error:
        yield str(error)
    else:
        yield from silencing_problems(network, name)


def rows_per_activation(network: ModuleClassifier) -> int:
    """Return the rows per batch of `mean_activations`."""
    return min(ROWS_PER_WIDE_BATCH, network.rows_per_batch)


def mean_activations(network: ModuleClassifier, x: Inputs, layer: str) -> Tensor:
    """Return the positive part of each unit's activation, averaged over positions for a channel (n, units)."""
    parts = []
    for part in x.split(rows_per_activation(network)):
        seen = network.activations(part, (layer,))[layer].clamp_min(0)
        activations = units_second(dict(network.module.named_modules()).get(layer), seen)
        parts.append(activations.flatten(2).mean(2) if activations.ndim > 2 else activations)
    return torch.cat(parts)


def no_change(x: Inputs) -> Inputs:
    """Return the inputs unchanged."""
    return x
