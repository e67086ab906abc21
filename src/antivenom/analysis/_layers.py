"""The layers of a network, and what they make of rows, a batch at a time."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier, ModuleClassifier, as_module

PLAIN = ("Flatten", "Identity", "Dropout", "ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad")
"""Layers that only move numbers, by the beginning of their class's name."""

BATCH = 64
"""Rows at once: activations of more leave the caches, and new memory for them costs more than they do."""


@runtime_checkable
class Look(Protocol):
    """Something that looks at what networks make of rows, a batch at a time; it keeps what it needs of each."""

    @property
    def layers(self) -> Sequence[tuple[str, ...]]:
        """Which layers of each network it looks at."""

    def see(self, rows: slice, given: Sequence[dict[str, Tensor]]) -> None:
        """Look at a batch: its place in the data, and what each network's layers give for it (n, …)."""


def with_layers(classifier: Classifier) -> ModuleClassifier:
    """The classifier itself.

    Raises:
        CapabilityError: it has no layers.
    """
    return as_module(classifier, "features", by="An analysis of layers")


def studied_layers(classifier: Classifier) -> tuple[str, ...]:
    """The layers that do more than move numbers, from input to output.

    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> studied_layers(MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0)))
    ('hidden_1', 'activation_1', 'output')
    """
    module = with_layers(classifier).module
    kinds = {name: type(layer).__name__ for name, layer in module.named_modules()}
    return tuple(name for name in classifier.layers() if not kinds.get(name, "").startswith(PLAIN))


def look_at(networks: Sequence[Classifier], data: Dataset, looks: Sequence[Look], *, batch_size: int = BATCH) -> None:
    """One pass of the data through each network, for everything that looks."""
    if not looks:
        return
    wanted = [tuple(dict.fromkeys(name for one in looks for name in one.layers[n])) for n in range(len(networks))]
    passes = (in_batches(one, data, names, batch_size) for one, names in zip(networks, wanted, strict=True))
    for given in zip(*passes, strict=True):
        for one in looks:
            one.see(given[0][0], [layers for _, layers in given])


def in_batches(
    classifier: Classifier, data: Dataset, layers: Sequence[str], batch_size: int
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Each batch's place, and what each layer gives for it (n, …): one forward pass for all layers."""
    looked_into = with_layers(classifier)
    for start in range(0, len(data), batch_size):
        rows = slice(start, min(start + batch_size, len(data)))
        yield rows, looked_into.activations(data.inputs(rows), layers)


def narrowed(activation: Tensor, width: int) -> Tensor:
    """At most about `width` numbers a row (n, d): maps are averaged over cells, the rest is flattened.

    >>> narrowed(torch.zeros(2, 16, 28, 28), 512).shape
    torch.Size([2, 400])
    """
    if activation.ndim == 4 and activation[0].numel() > width:
        channels, high, wide = activation.shape[1:]
        side = max(1, int((width / channels) ** 0.5))
        activation = torch.nn.functional.adaptive_avg_pool2d(activation, (min(side, high), min(side, wide)))
    return activation.flatten(1)
