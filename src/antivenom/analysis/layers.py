"""The layers of a network, and their activations on rows, a batch at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier, ModuleClassifier, as_module

RESHAPING: Final = ("Flatten", "Identity", "Dropout", "ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad")
"""Layers that only move numbers, by the beginning of their class's name."""

BATCH_ROWS: Final = 64
"""Rows in a batch: activations of more rows leave the caches, and new memory for them costs more than the pass."""


@runtime_checkable
class Observer(Protocol):
    """Something that observes layers of networks, a batch at a time, and keeps what it needs of each."""

    @property
    def layers(self) -> Sequence[tuple[str, ...]]:
        """Which layers it observes, one tuple for each network; empty for none."""

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Take a batch.

        Args:
            rows: its place in the data.
            activations: for each network, each layer's activations (n, …).
        """


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
    types = {name: type(layer).__name__ for name, layer in module.named_modules()}
    return tuple(name for name in classifier.layers() if not types.get(name, "").startswith(RESHAPING))


def penultimate(layers: Sequence[str]) -> str | None:
    """The layer that feeds the output; None where the output is the only layer.

    >>> penultimate(("hidden_1", "activation_1", "output"))
    'activation_1'
    """
    return layers[-2] if len(layers) > 1 else None


def observe_layers(
    networks: Sequence[Classifier], data: Dataset, observers: Sequence[Observer], *, batch_size: int = BATCH_ROWS
) -> None:
    """One pass of the data through each network, for all observers."""
    observing = [one for one in observers if any(one.layers)]
    if not observing:
        return
    wanted = [tuple(dict.fromkeys(name for one in observing for name in one.layers[n])) for n in range(len(networks))]
    passes = (in_batches(one, data, names, batch_size) for one, names in zip(networks, wanted, strict=True))
    for batch in zip(*passes, strict=True):
        for one in observing:
            one.observe(batch[0][0], [activations for _, activations in batch])


def in_batches(
    classifier: Classifier, data: Dataset, layers: Sequence[str], batch_size: int
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Each batch's place, and each layer's activations (n, …): one forward pass for all layers."""
    network = with_layers(classifier)
    for start in range(0, len(data), batch_size):
        rows = slice(start, min(start + batch_size, len(data)))
        yield rows, network.activations(data.inputs(rows), layers)


def narrowed(activation: Tensor, width: int) -> Tensor:
    """At most about `width` numbers a row (n, d): maps are averaged over cells, the rest is flattened.

    >>> narrowed(torch.zeros(2, 16, 28, 28), 512).shape
    torch.Size([2, 400])
    """
    if activation.ndim == 4 and activation[0].numel() > width:
        channels, height, columns = activation.shape[1:]
        side = max(1, int((width / channels) ** 0.5))
        activation = torch.nn.functional.adaptive_avg_pool2d(activation, (min(side, height), min(side, columns)))
    return activation.flatten(1)
