"""The output of a layer together with the logits that follow from it, for gradients with respect to the layer."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor

from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.keras import KerasClassifier
from antivenom.models.silencing import units_second
from antivenom.shapes import Inputs


def logits_after(network: ModuleClassifier, x: Inputs, layer: str) -> tuple[Tensor, Tensor]:
    """Return the logits (n, classes) of one batch, and the output of a layer that they can be differentiated by.

    The network is in evaluation mode.
    """
    kept: list[Tensor] = []
    with network.evaluating(), _keeping(network, layer, kept):
        logits = network.logits(x)
    return logits, kept[0]


@contextmanager
def _keeping(network: ModuleClassifier, layer: str, kept: list[Tensor]) -> Iterator[None]:
    """Keep the output of a layer as a leaf. The layers of Keras run no hooks, so their `call` is replaced meanwhile."""
    if not isinstance(network, KerasClassifier):
        handle = network.module.get_submodule(layer).register_forward_hook(partial(_keep_output, kept))
        try:
            yield
        finally:
            handle.remove()
        return
    observed = network.named(layer)
    plain = observed.call

    def call(*inputs: Any, **settings: Any) -> Tensor:
        return _keep_output(kept, None, None, plain(*inputs, **settings))

    object.__setattr__(observed, "call", call)
    try:
        yield
    finally:
        object.__delattr__(observed, "call")


def turned_units(network: ModuleClassifier, layer: str, values: Tensor) -> Tensor:
    """Return values that are as the output of a layer, with its units on axis 1."""
    if isinstance(network, KerasClassifier):
        return values.movedim(-1, 1) if network.has_units_last(layer) and values.ndim > 2 else values
    return units_second(network.module.get_submodule(layer), values)


def _keep_output(kept: list[Tensor], _: object, __: object, output: Tensor) -> Tensor:
    """A forward hook that keeps a layer's output as a leaf. Later layers get a copy, because they may change it."""
    kept.append(output.detach().requires_grad_())
    return kept[-1].clone()
