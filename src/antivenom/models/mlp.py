"""A multilayer perceptron."""

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from torch import nn

from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.activations import ActivationName, activation
from antivenom.models.initialisers import InitialiserName, initialise
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component


@component
class MLP:
    """A multilayer perceptron on flattened rows.

    Args:
        hidden: the number of units of each hidden layer; an empty list for a linear classifier.
        activation: the activation after each hidden layer.
        kernel_init: the initialiser of weights.
        bias_init: the initialiser of biases.

    >>> MLP(hidden=(32,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0)).layers()
    ('flatten', 'hidden_1', 'activation_1', 'output')
    """

    hidden: tuple[AtLeastOne, ...] = (128,)
    activation: ActivationName = "relu"
    kernel_init: InitialiserName = "glorot_uniform"
    bias_init: InitialiserName = "zeros"

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> ModuleClassifier:
        """Return an untrained classifier for rows of `input_shape`."""
        factory = partial(from_stream, partial(self._module, input_shape, classes), self.kernel_init, self.bias_init)
        return ModuleClassifier(factory(rng), input_shape=input_shape, bounds=bounds, factory=factory)

    def _module(self, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        module = nn.Sequential(OrderedDict(flatten=nn.Flatten()))
        add_dense(module, math.prod(input_shape), self.hidden, self.activation, classes)
        return module


def add_dense(module: nn.Sequential, width: int, hidden: tuple[int, ...], name: ActivationName, classes: int) -> None:
    """Append hidden layers and the output layer."""
    for number, wider in enumerate(hidden, 1):
        module.add_module(f"hidden_{number}", nn.Linear(width, wider))
        module.add_module(f"activation_{number}", activation(name))
        width = wider
    module.add_module("output", nn.Linear(width, classes))


def from_stream(make: Callable[[], nn.Module], kernel: InitialiserName, bias: InitialiserName, rng: Rng) -> nn.Module:
    """Return a module in which each weight and each bias is drawn from a separate stream."""
    with rng.torch_globally():  # layers draw first weights, which are replaced below
        module = make()
    for name, parameter in module.named_parameters():
        chosen = bias if name.endswith("bias") else kernel
        initialise(parameter, chosen, rng.child("weights", name).generator(parameter.device))
    return module
