"""The layers of a network, and their activations on rows, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier, ModuleClassifier, as_module
from antivenom.models.batches import batches, input_batches, rows_within

RESHAPING: Final = ("Flatten", "Identity", "Dropout", "ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad")
"""The first parts of the class names of layers that only move or copy numbers."""

BATCH_ROWS: Final = 64
"""The number of rows per batch. Activations of larger batches do not fit into the caches, and are slower."""

LEAST_ROWS: Final = 4
"""A batch has at least this number of rows, even if it needs more memory: CKA requires them."""


@runtime_checkable
class Observer(Protocol):
    """An object that receives the activations of layers of networks, batch by batch."""

    @property
    def layers(self) -> Sequence[tuple[str, ...]]:
        """Return the names of the layers that it observes, one tuple for each network; empty for none."""

    def observe(self, rows: slice, activations: Sequence[Mapping[str, Tensor]]) -> None:
        """Receive a batch.

        Args:
            rows: the position of the batch in the data.
            activations: for each network, the activations of each layer (n, …).
        """


def with_layers(classifier: Classifier) -> ModuleClassifier:
    """Return the classifier unchanged.

    Raises:
        CapabilityError: the classifier does not provide features.
    """
    return as_module(classifier, "features", by="An analysis of layers")


def studied_layers(classifier: Classifier) -> tuple[str, ...]:
    """Return the layers from input to output, without those that only move or copy numbers.

    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> studied_layers(MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0)))
    ('hidden_1', 'activation_1', 'output')
    """
    module = with_layers(classifier).module
    types = {name: type(layer).__name__ for name, layer in module.named_modules()}
    return tuple(name for name in classifier.layers() if not types.get(name, "").startswith(RESHAPING))


def penultimate(layers: Sequence[str]) -> str | None:
    """Return the layer before the output, or None if the output is the only layer.

    >>> penultimate(("hidden_1", "activation_1", "output"))
    'activation_1'
    """
    return layers[-2] if len(layers) > 1 else None


def observe_layers(
    networks: Sequence[Classifier], data: Dataset, observers: Sequence[Observer], *, batch_size: int = BATCH_ROWS
) -> None:
    """Send the data through each network once, and pass the activations to all observers.

    A batch has at most `batch_size` rows, and fewer if the activations of all networks need too much memory.
    """
    active = [each for each in observers if any(each.layers)]
    if not active:
        return
    layers = [tuple(dict.fromkeys(name for each in active for name in each.layers[n])) for n in range(len(networks))]
    modules = [with_layers(each) for each in networks]
    fitting = min(each.rows_per_gradient for each in modules) // len(modules)
    size = rows_within(data.shape, min(batch_size, max(LEAST_ROWS, fitting)))
    for rows in batches(len(data), size):
        pairs = zip(modules, layers, strict=True)  # a network may change its inputs in place, so each gets its own
        activations = [each.activations(data.inputs(rows), names) for each, names in pairs]
        for observer in active:
            observer.observe(rows, activations)
        del activations  # before the next batch needs as much memory


def in_batches(
    classifier: Classifier, data: Dataset, layers: Sequence[str], batch_size: int
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield the position of each batch, and each layer's activations (n, …). One forward pass serves all layers.

    A batch has at most `batch_size` rows, and fewer if the activations need more memory than `BYTES_OF_ACTIVATIONS`.
    """
    network = with_layers(classifier)
    largest = network.rows_per_batch if len(layers) == 1 else max(LEAST_ROWS, network.rows_per_gradient)
    for rows, x in input_batches(data, most=min(batch_size, largest)):
        yield rows, network.activations(x, layers)


def narrowed(activation: Tensor, width: int) -> Tensor:
    """Return at most about `width` features per row (n, d). Feature maps are averaged over cells; others are flattened.

    >>> narrowed(torch.zeros(2, 16, 28, 28), 512).shape
    torch.Size([2, 400])
    """
    if activation.ndim == 4 and activation[0].numel() > width:
        channels, height, columns = activation.shape[1:]
        side = max(1, int((width / channels) ** 0.5))
        activation = torch.nn.functional.adaptive_avg_pool2d(activation, (min(side, height), min(side, columns)))
    return activation.flatten(1)
