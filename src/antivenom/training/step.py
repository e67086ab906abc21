"""One update of a network's weights, by the fastest possible method."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.models import ModuleClassifier
from antivenom.models.optimizers import Optimizer
from antivenom.private.kernels import HAS_FUSED_ADAM, fused_adam
from antivenom.training.perceptrons import is_perceptron
from antivenom.training.plain import PlainNetwork, plain
from antivenom.training.stack import PerceptronStack


class AutogradStep:
    """An update through autograd: for any network, on any device, in either precision."""

    def __init__(self, classifier: ModuleClassifier, optimizer: Optimizer, precision: str) -> None:
        self.classifier = classifier
        self.optimizer = optimizer.build(classifier.module.parameters())
        self.precision = precision

    def __call__(self, x: Tensor, y: Tensor, rate: float) -> Tensor:
        """Update on a batch with this learning rate; return the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        lower: AbstractContextManager[object] = (
            torch.autocast(x.device.type, torch.bfloat16) if self.precision == "bfloat16" else nullcontext()
        )
        with lower:
            loss = functional.cross_entropy(self.classifier.logits(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class PlainStep:
    """An update of a plain network: explicit derivatives, and one fused step over all weights as one vector."""

    def __init__(self, classifier: ModuleClassifier, optimizer: Optimizer) -> None:
        module = classifier.module
        parameters = list(module.parameters())
        self.weights = torch.cat([_transposed(parameter.detach()).flatten() for parameter in parameters])
        self.gradient = torch.zeros_like(self.weights)
        begin = 0
        for parameter in parameters:
            end, shape = begin + parameter.numel(), _transposed(parameter).shape
            parameter.data = _transposed(self.weights[begin:end].view(shape))
            parameter.grad = _transposed(self.gradient[begin:end].view(shape))
            begin = end
        self.network = PlainNetwork(module)  # type: ignore[arg-type]
        self.settings = optimizer
        self.means, self.squares = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.count = torch.zeros(())
        flat = torch.nn.Parameter(self.weights)
        flat.grad = self.gradient
        direct = optimizer.name == "adam" and HAS_FUSED_ADAM
        self.optimizer = None if direct else optimizer.build([flat])

    def __call__(self, x: Tensor, y: Tensor, rate: float) -> Tensor:
        """Update on a batch with this learning rate; return the loss before it."""
        loss = self.network.gradients(x, y)
        if self.optimizer is None:
            self._adam(rate)
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        return loss

    def _adam(self, rate: float) -> None:
        """Call the kernel of Adam."""
        self.count.add_(1)
        fused_adam(
            [self.weights],
            [self.gradient],
            [self.means],
            [self.squares],
            [self.count],
            rate=rate,
            weight_decay=self.settings.weight_decay,
        )


class PerceptronStep:
    """An update of a perceptron: a stack of one member."""

    def __init__(self, classifier: ModuleClassifier, optimizer: Optimizer) -> None:
        self.stack = PerceptronStack([classifier.module], optimizer)

    def __call__(self, x: Tensor, y: Tensor, rate: float) -> Tensor:
        """Update on a batch with this learning rate; return the loss before it."""
        rows = len(y)
        return self.stack.update(x.reshape(1, rows, -1), y.view(1, 1, rows), [rate]).view(())


def _transposed(parameter: Tensor) -> Tensor:
    """Return the weights of a linear layer with inputs first, which makes products faster."""
    return parameter.t() if parameter.ndim == 2 else parameter


Step = AutogradStep | PlainStep | PerceptronStep


def step_for(classifier: ModuleClassifier, optimizer: Optimizer, precision: str) -> Step:
    """Return the fastest exact update of this classifier."""
    if not has_derivatives(classifier, optimizer, precision):
        return AutogradStep(classifier, optimizer, precision)
    if is_perceptron(classifier.module, classifier.input_shape):
        return PerceptronStep(classifier, optimizer)
    return PlainStep(classifier, optimizer)


def stackable(classifier: ModuleClassifier, optimizer: Optimizer, precision: str) -> bool:
    """True if several classifiers like this one can be updated at once, by a `PerceptronStack`."""
    exact = has_derivatives(classifier, optimizer, precision)
    return exact and is_perceptron(classifier.module, classifier.input_shape)


def has_derivatives(classifier: ModuleClassifier, optimizer: Optimizer, precision: str) -> bool:
    """True if a classifier is updated with hand-written derivatives instead of autograd."""
    whole = all(weight.requires_grad for weight in classifier.module.parameters())
    whole = whole and (optimizer.decay_biases or not optimizer.weight_decay)
    single = next(classifier.module.parameters()).dtype == torch.float32
    return classifier.returns_logits and whole and single and precision == "float32" and plain(classifier.module)
