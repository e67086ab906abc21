"""A convolutional network."""

from collections import OrderedDict
from collections.abc import Iterator
from functools import partial
from typing import Literal

from torch import nn

from antivenom.errors import SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.activations import ActivationName, activation
from antivenom.models.initialisers import InitialiserName
from antivenom.models.mlp import add_dense, from_stream
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component

Side = AtLeastOne | tuple[AtLeastOne, AtLeastOne]
"""A height and a width, or one number for both."""


@component
class CNN:
    """A convolutional network: convolution, activation and pooling for each filter count, then dense layers.

    Args:
        filters: the number of filters of each convolution.
        filter_shape: the size of the filters: one number for all convolutions, or one number or [height, width] each.
        pooling_shape: the size of the pooling after each convolution, in the same form; 1 for no pooling.
        padding: `same` keeps height and width; `valid` adds no padding.
        hidden: the number of units of each dense layer before the output.
        activation: the activation after each convolution and each dense layer.
        kernel_init: the initialiser of weights.
        bias_init: the initialiser of biases.

    Raises:
        SettingsError: on building, if rows are not images or are too small for the pooling.

    >>> net = CNN(filters=(8,), hidden=(16,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> net.layers()
    ('conv_1', 'conv_activation_1', 'pool_1', 'flatten', 'hidden_1', 'activation_1', 'output')
    """

    filters: tuple[AtLeastOne, ...] = (16, 32)
    filter_shape: AtLeastOne | tuple[Side, ...] = 3
    pooling_shape: AtLeastOne | tuple[Side, ...] = 2
    padding: Literal["same", "valid"] = "same"
    hidden: tuple[AtLeastOne, ...] = (128,)
    activation: ActivationName = "relu"
    kernel_init: InitialiserName = "glorot_uniform"
    bias_init: InitialiserName = "zeros"

    def __post_init__(self) -> None:
        problems = [
            f"CNN.{name} must be one number or a list of {len(self.filters)}, as filters; got a list of {len(value)}."
            for name, value in (("filter_shape", self.filter_shape), ("pooling_shape", self.pooling_shape))
            if isinstance(value, tuple) and len(value) != len(self.filters)
        ]
        if problems:
            raise SettingsError(problems)

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> ModuleClassifier:
        """Return an untrained classifier for images of `input_shape` (channels, height, width)."""
        if problems := list(self.problems(input_shape)):
            raise SettingsError(f"CNN {problem}" for problem in problems)
        factory = partial(from_stream, partial(self._module, input_shape, classes), self.kernel_init, self.bias_init)
        return ModuleClassifier(factory(rng), input_shape=input_shape, bounds=bounds, factory=factory)

    def problems(self, input_shape: tuple[int, ...]) -> Iterator[str]:
        """Yield a sentence for each reason against rows of this shape."""
        if len(input_shape) != 3:
            yield f"requires images (channels, height, width); the rows have shape {input_shape}. Use `mlp`."
        elif min(self._out(input_shape)) < 1:
            yield f"is too deep for images of {input_shape[1]} × {input_shape[2]}. Use less pooling or smaller filters."

    def _module(self, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        module = nn.Sequential(OrderedDict[str, nn.Module]())
        channels = input_shape[0]
        for number, (count, shape, pool) in enumerate(self._blocks(), 1):
            if self.padding == "same":
                top, left = shape[0] - 1, shape[1] - 1
                even = bool(top % 2 or left % 2)
                if even:
                    module.add_module(f"pad_{number}", nn.ZeroPad2d((left // 2, -(-left // 2), top // 2, -(-top // 2))))
                padding = (0, 0) if even else (top // 2, left // 2)
            else:
                padding = (0, 0)
            module.add_module(f"conv_{number}", nn.Conv2d(channels, count, shape, padding=padding))
            module.add_module(f"conv_activation_{number}", activation(self.activation))
            if pool != (1, 1):
                module.add_module(f"pool_{number}", nn.MaxPool2d(pool))
            channels = count
        module.add_module("flatten", nn.Flatten())
        height, width = self._out(input_shape)
        add_dense(module, channels * height * width, self.hidden, self.activation, classes)
        return module

    def _blocks(self) -> Iterator[tuple[int, tuple[int, int], tuple[int, int]]]:
        for index, count in enumerate(self.filters):
            yield count, _side(self.filter_shape, index), _side(self.pooling_shape, index)

    def _out(self, input_shape: tuple[int, ...]) -> tuple[int, int]:
        height, width = input_shape[1:]
        for _, shape, pool in self._blocks():
            if self.padding == "valid":
                height, width = height - shape[0] + 1, width - shape[1] + 1
            height, width = max(height, 0) // pool[0], max(width, 0) // pool[1]
        return height, width


def _side(value: int | tuple[int | tuple[int, int], ...], index: int) -> tuple[int, int]:
    side = value if isinstance(value, int) else value[index]
    return (side, side) if isinstance(side, int) else side
