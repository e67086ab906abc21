"""Filters: the patterns to which the first layer responds."""

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
    """Draw the weights of the first layer of victim and control as images, those with the largest difference first.

    Figure: `relative_difference` is the norm of the difference between the filters of victim and control, divided by
    the norm of the control's filters. See `first_layer_filters`.

    Args:
        count: the largest number of filters in the chart.

    >>> Filters().count
    16
    """

    count: AtLeastOne = 16

    needs = frozenset({"features"})

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reason why the network's first layer cannot be drawn, if there is one."""
        try:
            first_layer_filters(classifier)
        except CapabilityError as error:
            yield str(error)

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:  # noqa: ARG002
        """Return an observer without layers: only weights are used."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        victim, control = (first_layer_filters(network).cpu().float() for network in context.networks)
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
    """Return the weights of the first layer with weights, one image for each unit (units, channels, height, width).

    The images of a convolution are its kernels. The images of a linear layer have the shape of its input image.

    Raises:
        CapabilityError: the first layer with weights is not one of these, or does not take an image, or there is none.

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
                raise CapabilityError(
                    f"The first layer must take an image to be drawn; it takes {layer.in_features} numbers."
                )
            weights: Tensor = layer.weight.detach().clone().unflatten(1, shape)
            return weights
        if any(weight.ndim >= 2 for weight in layer.parameters(recurse=False)):
            raise CapabilityError(
                f"The first layer must be a Conv2d or Linear layer to be drawn; it is a {type(layer).__name__}."
            )
    raise CapabilityError("The network does not have a layer with weights.")


def _chart(filters: np.ndarray, relative: float) -> Images:
    """Return a chart of the filters (2, units, channels, height, width): rows of the victim and control alternate."""
    count = filters.shape[1]
    blocks = [range(first, min(first + ACROSS, count)) for first in range(0, count, ACROSS)]
    alt = f"{count} filters of the first layer, of victim and control."
    difference = f"The norm of the difference of all filters is {relative:.2g} times the control's norm."
    return Images(
        name="first_layer",
        caption=f"The filters of the first layer with the largest difference. {difference}",
        alt=f"{alt} {difference}",
        rows=tuple(
            tuple(_tile(filters[side, unit], filters[:, unit]) for unit in block) for block in blocks for side in (0, 1)
        ),
        row_labels=("victim", "control") * len(blocks),
    )


def _tile(weights: np.ndarray, pair: np.ndarray) -> Tile:
    """Return a filter (channels, height, width) on the scale of its pair. Three channels are shown as colours."""
    size = max(float(np.abs(pair).max()), 1e-12)
    if len(weights) == 3:
        return Tile(pixels=np.clip(0.5 + weights / (2 * size), 0, 1))
    return Tile(pixels=weights.mean(0, keepdims=True), colours="diverging", low=-size, high=size)
