"""The patterns that the first layer responds to."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.analysis._analysis import AnalysisResult, NoLayers
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis.layers import with_layers
from antivenom.charts import Figure, Images, Tile
from antivenom.errors import CapabilityError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component

ACROSS = 16


@component
class Filters:
    """The first layer's weights as pictures, of victim and control, those that differ most first.

    Figure: `relative_difference`, the norm of the difference between victim's and control's filters, as a part of the
    control's norm. See `first_layer_filters`.

    Args:
        count: how many are shown.

    >>> Filters().count
    16
    """

    count: AtLeastOne = 16

    needs = frozenset({"features"})

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the network's first layer cannot be shown."""
        try:
            first_layer_filters(classifier)
        except CapabilityError as error:
            yield str(error)

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:  # noqa: ARG002
        """Observes no activations, only weights."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        victim, control = (first_layer_filters(network).cpu() for network in context.networks)
        difference = victim - control
        chosen = difference.flatten(1).norm(dim=1).argsort(descending=True)[: self.count]
        relative = float(difference.norm() / control.norm().clamp_min(1e-12))
        shown = torch.stack([victim[chosen], control[chosen]])
        return AnalysisResult(
            figures=(Figure(name="relative_difference", value=relative, unit="none", better="low"),),
            charts=(_chart(shown.numpy(), relative),),
            data={"filters": shown, "units": chosen},
        )


def first_layer_filters(classifier: Classifier) -> Tensor:
    """The weights of the first layer that has some, a picture for each unit (units, channels, height, width).

    A convolution's are its kernels; a linear layer's are laid out as its input is, where that is an image.

    Raises:
        CapabilityError: the first layer with weights is neither, or takes no image.

    >>> from antivenom.models import CNN
    >>> net = CNN(filters=(4,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> first_layer_filters(net).shape
    torch.Size([4, 1, 3, 3])
    """
    network = with_layers(classifier)
    shape = network.input_shape
    for layer in network.module.modules():
        if isinstance(layer, nn.Conv2d):
            kernels: Tensor = layer.weight.detach().clone()
            return kernels
        if isinstance(layer, nn.Linear):
            if len(shape) != 3 or layer.in_features != torch.Size(shape).numel():
                raise CapabilityError(f"The first layer takes {layer.in_features} numbers, which are not an image.")
            weights: Tensor = layer.weight.detach().clone().unflatten(1, shape)
            return weights
        if any(weight.ndim >= 2 for weight in layer.parameters(recurse=False)):
            raise CapabilityError(f"The weights of a {type(layer).__name__} cannot be shown as pictures.")
    raise CapabilityError("The network has no layer with weights.")


def _chart(filters: np.ndarray, relative: float) -> Images:
    """Rows of victim's and control's filters (2, units, channels, height, width) by turns."""
    count = filters.shape[1]
    blocks = [range(first, min(first + ACROSS, count)) for first in range(0, count, ACROSS)]
    alt = f"{count} filters of the first layer, of victim and control."
    apart = f"The difference of all filters has {relative:.2g} times the control's norm."
    return Images(
        name="first_layer",
        caption=f"The first layer's filters that differ most. {apart}",
        alt=f"{alt} {apart}",
        rows=tuple(
            tuple(_tile(filters[side, unit], filters[:, unit]) for unit in block) for block in blocks for side in (0, 1)
        ),
        row_labels=("victim", "control") * len(blocks),
    )


def _tile(weights: np.ndarray, twins: np.ndarray) -> Tile:
    """A filter (channels, height, width), on one scale with its twin; one of three channels in its own colours."""
    size = max(float(np.abs(twins).max()), 1e-12)
    if len(weights) == 3:
        return Tile(pixels=np.clip(0.5 + weights / (2 * size), 0, 1))
    return Tile(pixels=weights.mean(0, keepdims=True), colours="diverging", low=-size, high=size)
