"""What one poison does to a victim in one training step, and how that changes with the poison's pixels.

Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks* (2017): a victim with weights w
takes one step on the poison (x, y), w' = w - r ∇L(x, y; w), with a rate r of its own for biases; the attacker wants the
summed loss of some normal rows under w' to be high. Each poison meets the victim in the same state; many are computed
at once.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn import functional

from bezoar.data import Dataset
from bezoar.errors import CapabilityError
from bezoar.models import Classifier
from bezoar.models.module import ModuleClassifier
from bezoar.shapes import Inputs, Labels

MEMORY = {"cpu": 1 << 26, "cuda": 1 << 30}
"""Bytes that the poisons which are computed at once may take: a processor is slower with more, a GPU with less."""

AT_ONCE = 256
"""So many poisons fill a processor's caches; more at once are no quicker."""

TESTED = 2000
"""Test rows at once."""

ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.LeakyReLU, nn.SiLU, nn.Softplus)
SPATIAL = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.ZeroPad2d)
ASIDE = (nn.Flatten, nn.Identity, nn.Dropout)


@dataclass(frozen=True)
class VictimStep:
    """A step of plain gradient descent.

    Args:
        learning_rate: the step's size.
        bias_rate_factor: biases are stepped at so many times the rate.
        stealth: how much of the poison's own loss before the step is taken off the attacker's objective.
        stealth_limit: nothing is taken off for a loss below this.
    """

    learning_rate: float
    bias_rate_factor: float = 1.0
    stealth: float = 0.0
    stealth_limit: float = 0.0

    def shown(self, own: Tensor) -> Tensor:
        """What the poison's own loss before the step takes off the attacker's objective."""
        return self.stealth * (own - self.stealth_limit).clamp_min(0)

    def taken(self, weights: dict[str, Tensor], slopes: Iterable[Tensor]) -> dict[str, Tensor]:
        """The weights after the step, from the loss's slope in each of them, in their order."""
        pairs = zip(weights.items(), slopes, strict=True)
        return {name: weight - self.rate(name) * slope for (name, weight), slope in pairs}

    def rate(self, name: str) -> float:
        """The rate of a parameter of that name."""
        return self.learning_rate * (self.bias_rate_factor if name.endswith("bias") else 1.0)


@runtime_checkable
class Objective(Protocol):
    """The attacker's objective for each of many poisons (m), each alone with the victim."""

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """The objective of poisons (m, *shape) with labels (m): (m)."""

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """The objective (m), and its gradient in each poison's pixels (m, *shape)."""


def objective_for(surrogate: Classifier | None, step: VictimStep, x: Inputs, y: Labels, *, attack: str) -> Objective:
    """The quickest exact objective for a victim, and normal rows (n, *shape) with labels (n).

    Raises:
        CapabilityError: there is no surrogate, or it has no gradients.
    """
    victim = with_gradients(surrogate, attack)
    return Layered(victim, step, x, y) if _layered(victim, x) else general_objective(victim, step, x, y)


def general_objective(victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> "Functional | OneByOne":
    """The objective of any differentiable victim, many poisons at once where `vmap` knows all that the module does."""
    objective = Functional(victim, step, x, y)
    try:
        objective.gradients(x[:1], y[:1])
    except RuntimeError:  # vmap, of an operation without a batching rule, or of one that looks at values
        return OneByOne(victim, step, x, y)
    return objective


def with_gradients(surrogate: Classifier | None, attack: str) -> ModuleClassifier:
    """The surrogate in evaluation mode.

    Raises:
        CapabilityError: there is none, or it has no gradients.
    """
    if surrogate is None:
        raise CapabilityError(f"{attack} needs the victim, or a model like it. Pass surrogate=, a trained classifier.")
    if not isinstance(surrogate, ModuleClassifier):
        raise CapabilityError(
            f"{attack} needs gradients, which {type(surrogate).__name__} has not. Pass surrogate=, a torch.nn.Module."
        )
    victim = surrogate.copy()
    victim.module.eval().requires_grad_(False)
    return victim


class Functional:
    """The objective of any differentiable classifier: `torch.func` steps a copy of all weights for each poison."""

    def __init__(self, victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> None:
        self.victim, self.step, self.x, self.y = victim, step, x, y
        self.weights = victim.weights()
        each = grad(self._value, has_aux=True)
        self._values = vmap(lambda a, b: self._value(a, b)[1], randomness="error")
        self._gradients = vmap(each, randomness="error")
        self._many = _many(sum(weight.numel() for weight in self.weights.values()) * 24, x)

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """The objective of each poison."""
        if not len(x):
            return x.new_empty(0)
        with torch.no_grad():
            return torch.cat([self._values(*part) for part in _parts(self._many, x, y)])

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """The objective of each poison, and its gradient."""
        if not len(x):
            return x.new_empty(0), torch.empty_like(x)
        slopes, values = zip(*(self._gradients(*part) for part in _parts(self._many, x, y)), strict=True)
        return torch.cat(values), torch.cat(slopes)

    def normal_slopes(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """The objective (m), and the gradient in the normal rows' pixels, summed over them (m, *shape)."""
        if not len(x):
            return x.new_empty(0), torch.empty_like(x)

        def value(normal: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
            return self._value(a, b, normal)

        each = vmap(grad(value, has_aux=True), in_dims=(None, 0, 0), randomness="error")
        slopes, values = zip(*(each(self.x, *part) for part in _parts(self._many, x, y)), strict=True)
        return torch.cat(values), torch.cat(slopes).sum(1)

    def _value(self, x: Tensor, y: Tensor, normal: Tensor | None = None) -> tuple[Tensor, Tensor]:
        def loss(weights: dict[str, Tensor]) -> Tensor:
            return functional.cross_entropy(self.victim.logits_with(weights, x.unsqueeze(0)), y.unsqueeze(0))

        slopes, own = torch.func.grad_and_value(loss)(self.weights)
        after = self.step.taken(self.weights, slopes.values())
        rows = self.x if normal is None else normal
        harm = functional.cross_entropy(self.victim.logits_with(after, rows), self.y, reduction="sum")
        value = harm - self.step.shown(own)
        return value, value


class OneByOne:
    """The objective of a differentiable classifier that cannot be batched over its weights: by autograd, in a loop."""

    def __init__(self, victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> None:
        self.victim, self.step, self.x, self.y = victim, step, x, y

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """The objective of each poison."""
        found = [self._value(a, b, self.x, again=False).detach() for a, b in zip(x, y, strict=True)]
        return torch.stack(found) if found else x.new_empty(0)

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """The objective of each poison, and its gradient."""
        values, slopes = [], torch.empty_like(x)
        for row, label in enumerate(y):
            poison = x[row].detach().requires_grad_()
            value = self._value(poison, label, self.x, again=True)
            slopes[row] = torch.autograd.grad(value, poison)[0]
            values.append(value.detach())
        return torch.stack(values) if values else x.new_empty(0), slopes

    def normal_slopes(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """The objective (m), and the gradient in the normal rows' pixels, summed over them (m, *shape)."""
        values, slopes = [], torch.empty_like(x)
        for row, label in enumerate(y):
            normal = self.x.detach().requires_grad_()
            value = self._value(x[row], label, normal, again=False)
            slopes[row] = torch.autograd.grad(value, normal)[0].sum(0)
            values.append(value.detach())
        return torch.stack(values) if values else x.new_empty(0), slopes

    def _value(self, x: Tensor, y: Tensor, normal: Tensor, *, again: bool) -> Tensor:
        weights = {name: weight.requires_grad_() for name, weight in self.victim.weights().items()}
        own = functional.cross_entropy(self.victim.logits_with(weights, x.unsqueeze(0)), y.unsqueeze(0))
        slopes = torch.autograd.grad(own, list(weights.values()), create_graph=again)
        after = self.step.taken(weights, slopes)
        harm = functional.cross_entropy(self.victim.logits_with(after, normal), self.y, reduction="sum")
        return harm - self.step.shown(own)


class Layered:
    """The objective of layers in a row, without a copy of the weights for each poison.

    A step on one row changes a linear layer's weights by the product of two vectors, d aᵀ; what the layer then makes of
    a normal row h is W h - r d (a·h): the changed weights are never written down. A convolution's change is small, and
    written down. autograd differentiates through all of it, the step's own gradient included.
    """

    def __init__(self, victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> None:
        self.victim, self.step, self.y = victim, step, y
        self.layers = [layer for layer in _in_a_row(victim.module) if not isinstance(layer, nn.Identity | nn.Dropout)]
        self.x = victim.normalised(x)
        self._many = _many(self._kept_by_one(x), x)

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """The objective of each poison."""
        if not len(x):
            return x.new_empty(0)
        return torch.cat([self._objective(a, b, again=False).detach() for a, b in _parts(self._many, x, y)])

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """The objective of each poison, and its gradient."""
        if not len(x):
            return x.new_empty(0), torch.empty_like(x)
        values, slopes = [], []
        for a, b in _parts(self._many, x, y):
            poison = a.detach().requires_grad_()
            value = self._objective(poison, b, again=True)
            slopes.append(torch.autograd.grad(value.sum(), poison)[0])
            values.append(value.detach())
        return torch.cat(values), torch.cat(slopes)

    def _objective(self, x: Tensor, y: Tensor, *, again: bool) -> Tensor:
        """The objective of each poison (m); `again`: to be differentiated once more."""
        hidden = self.victim.normalised(x if x.requires_grad else x.detach().requires_grad_())
        into, outof = [], []
        with torch.enable_grad():
            for layer in self.layers:
                into.append(hidden)
                hidden = layer(hidden)
                outof.append(hidden)
            own = functional.cross_entropy(self.victim.as_logits(hidden), y, reduction="none")
            changed = [index for index, layer in enumerate(self.layers) if isinstance(layer, nn.Linear | nn.Conv2d)]
            slopes = torch.autograd.grad(own.sum(), [outof[index] for index in changed], create_graph=again)
        slope = dict(zip(changed, slopes, strict=True))
        with torch.set_grad_enabled(again):
            normal = self.x
            for index, layer in enumerate(self.layers):
                if index in slope:
                    normal = self._after(layer, into[index], slope[index], normal)
                else:
                    normal = _each(layer, normal, shared=not any(earlier < index for earlier in changed))
            logits = self.victim.as_logits(normal.flatten(0, 1))
            losses = functional.cross_entropy(logits, self.y.repeat(len(x)), reduction="none")
            return losses.view(len(x), -1).sum(1) - self.step.shown(own)

    def _after(self, layer: nn.Module, into: Tensor, slope: Tensor, normal: Tensor) -> Tensor:
        """What a layer makes of normal rows, (n, …) or (m, n, …), after a step on each poison: (m, n, …)."""
        rate, factor = self.step.learning_rate, self.step.bias_rate_factor
        if isinstance(layer, nn.Linear):
            shared = normal.ndim == 2
            alike = into @ normal.t() if shared else torch.bmm(normal, into.unsqueeze(2)).squeeze(2)
            if layer.bias is not None:
                alike = alike + factor
            return functional.linear(normal, layer.weight, layer.bias) - (rate * alike).unsqueeze(2) * slope.unsqueeze(
                1
            )
        assert isinstance(layer, nn.Conv2d)
        slope = slope.flatten(2)
        change = torch.bmm(slope, _windows(layer, into).transpose(1, 2))  # m, filters, window
        shared = normal.ndim == 4
        rows = normal if shared else normal.flatten(0, 1)
        before: Tensor = layer(rows)
        windows = _windows(layer, rows)
        if shared:
            moved = torch.einsum("mfw,nwp->mnfp", change, windows)
        else:
            windows = windows.view(len(into), -1, *windows.shape[1:])
            moved = torch.einsum("mfw,mnwp->mnfp", change, windows)
        if layer.bias is not None:
            moved = moved + factor * slope.sum(2)[:, None, :, None]
        high, wide = before.shape[2:]
        before = before if shared else before.view(len(into), -1, *before.shape[1:])
        changed: Tensor = before - rate * moved.unflatten(3, (high, wide))
        return changed

    def _kept_by_one(self, x: Tensor) -> int:
        """Bytes that one more poison makes autograd keep."""
        kept = [0, 0]

        def count(tensor: Tensor) -> Tensor:
            kept[more] += tensor.numel() * tensor.element_size()
            return tensor

        for more in (0, 1):
            rows = x[:1].detach().repeat(1 + more, *(1 for _ in x.shape[1:])).requires_grad_()
            with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
                self._objective(rows, self.y[:1].repeat(1 + more), again=True)
        return kept[1] - kept[0]


def _layered(victim: ModuleClassifier, x: Inputs) -> bool:
    """Whether a victim is layers in a row that `Layered` knows, each with rows of the dimensions that it expects."""
    module = victim.module
    if not isinstance(module, nn.Sequential):
        return False
    layers = _in_a_row(module)
    plain = all(
        isinstance(layer, (nn.Linear, *ACTIVATIONS, *SPATIAL, *ASIDE))
        or (
            isinstance(layer, nn.Conv2d)
            and layer.groups == 1
            and layer.padding_mode == "zeros"
            and not isinstance(layer.padding, str)
        )
        for layer in layers
    ) and not any(getattr(layer, "inplace", False) for layer in layers)
    flat = all(layer.start_dim == 1 and layer.end_dim == -1 for layer in layers if isinstance(layer, nn.Flatten))
    once = len({id(layer) for layer in layers}) == len(layers)
    hooked = any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules())
    weighted = any(isinstance(layer, nn.Linear | nn.Conv2d) for layer in layers)
    if not (plain and flat and once and weighted) or hooked:
        return False
    hidden = victim.normalised(x[:1])
    for layer in layers:
        if hidden.ndim != 2 and isinstance(layer, nn.Linear):
            return False
        hidden = layer(hidden)
    return True


def _in_a_row(module: nn.Module) -> list[nn.Module]:
    if type(module) is nn.Sequential:
        return [layer for child in module for layer in _in_a_row(child)]
    return [module]


def _each(layer: nn.Module, normal: Tensor, *, shared: bool) -> Tensor:
    """A layer without weights on normal rows: (n, …) while they are shared by all poisons, (m, n, …) after that."""
    if shared or isinstance(layer, ACTIVATIONS):
        return layer(normal)  # type: ignore[no-any-return]
    return layer(normal.flatten(0, 1)).unflatten(0, normal.shape[:2])  # type: ignore[no-any-return]


def _windows(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Every window that a convolution looks at, as columns: (n, window, places)."""
    return functional.unfold(
        x,
        layer.kernel_size,
        dilation=layer.dilation,
        padding=layer.padding,  # type: ignore[arg-type]
        stride=layer.stride,
    )


def _many(bytes_each: int, x: Tensor) -> int:
    """How many poisons are computed at once."""
    allowed = MEMORY.get(x.device.type, MEMORY["cuda"])
    return max(1, min(AT_ONCE, allowed // (bytes_each + x[0].numel() * x.element_size() * 8)))


def _parts(many: int, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
    return list(zip(x.split(many), y.split(many), strict=True))


def finite_differences(values: Callable[[Inputs, Labels], Tensor], x: Inputs, y: Labels, *, probe: float) -> Tensor:
    """One-sided differences of an objective in each pixel of each row (m, *shape), divided by the probe's size.

    The paper's own way: every pixel is probed through a victim's step of its own.
    """
    size = math.prod(x.shape[1:])
    slopes = torch.empty(len(x), size, dtype=x.dtype, device=x.device)
    for row in range(len(x)):
        start = values(x[row : row + 1], y[row : row + 1])
        for first in range(0, size, AT_ONCE):
            pixels = torch.arange(first, min(first + AT_ONCE, size), device=x.device)
            probes = x[row].flatten().repeat(len(pixels), 1)
            probes[torch.arange(len(pixels), device=x.device), pixels] += probe
            moved = values(probes.view(-1, *x.shape[1:]), y[row].repeat(len(pixels)))
            slopes[row, pixels] = (moved - start) / probe
    return slopes.view_as(x)


def after_one_step(victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels, test: Dataset) -> Tensor:
    """The accuracy on `test` after one step on each row alone (m), float64."""
    still = with_gradients(victim, "after_one_step")
    rows, found = test.inputs(), []
    for row in range(len(x)):
        weights = {name: weight.requires_grad_() for name, weight in still.weights().items()}
        loss = functional.cross_entropy(still.logits_with(weights, x[row : row + 1]), y[row : row + 1])
        slopes = torch.autograd.grad(loss, list(weights.values()))
        with torch.no_grad():
            after = step.taken(weights, slopes)
            parts = zip(rows.split(TESTED), test.y.split(TESTED), strict=True)
            right = sum(int((still.logits_with(after, part).argmax(1) == labels).sum()) for part, labels in parts)
        found.append(right / len(test))
    return torch.tensor(found, dtype=torch.float64)
