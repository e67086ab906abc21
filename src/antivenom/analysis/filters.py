"""What the first layer looks for."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from antivenom.analysis._layers import with_layers
from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.errors import CapabilityError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component


@component
class Filters:
    """The first layer's weights as pictures, of victim and control, those that differ most first.

    Figure: `filters_apart`, the norm of the difference between victim's and control's filters, as a share of the
    control's norm. See `first_layer_filters`.

    Args:
        count: how many are shown.

    >>> Filters().count
    16
    """

    count: AtLeastOne = 16

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the network's first layer cannot be shown."""
        try:
            first_layer_filters(classifier)
        except CapabilityError as error:
            yield str(error)

    def begin(self, scene: Scene, rng: Rng) -> Study:  # noqa: ARG002
        """Nothing is looked at but weights."""
        return Study(lambda: self._finish(scene))

    def _finish(self, scene: Scene) -> Learned:
        victim, control = (first_layer_filters(one) for one in scene.both.values())
        apart = (victim - control).flatten(1).norm(dim=1)
        chosen = apart.argsort(descending=True)[: self.count]
        share = float((victim - control).norm() / control.norm().clamp_min(1e-12))
        return Learned({"filters_apart": share}, {"both": torch.stack([victim[chosen], control[chosen]])})


def first_layer_filters(classifier: Classifier) -> Tensor:
    """The weights of the first layer that has some, a picture a unit (units, channels, height, width).

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
                raise CapabilityError(f"The first layer takes {layer.in_features} numbers, which are no image.")
            weights: Tensor = layer.weight.detach().clone().unflatten(1, shape)
            return weights
        if any(weight.ndim >= 2 for weight in layer.parameters(recurse=False)):
            raise CapabilityError(f"The weights of a {type(layer).__name__} cannot be shown as pictures.")
    raise CapabilityError("The network has no layer with weights.")
