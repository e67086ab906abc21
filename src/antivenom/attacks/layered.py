"""The objective for a sequential victim, computed without a copy of the weights for each poison."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from antivenom.attacks.victim_step import VictimStep, batches, poisons_per_batch
from antivenom.models import ModuleClassifier
from antivenom.private.kernels import has_hooks
from antivenom.shapes import Inputs, Labels

ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.GELU, nn.LeakyReLU, nn.SiLU, nn.Softplus)
SPATIAL = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.ZeroPad2d)
NEUTRAL = (nn.Flatten, nn.Identity, nn.Dropout)


class Layered:
    """The objective for a victim that is a sequence of layers, without a copy of the weights for each poison.

    A step on one row changes the weights of a linear layer by an outer product of two vectors, d aᵀ. The output of the
    layer for a normal row h is then W h - r d (a·h), so the changed weights are never stored. The change of a
    convolution is small and is stored. Autograd differentiates through all of it, the gradient of the step included.
    """

    def __init__(self, victim: ModuleClassifier, step: VictimStep, x: Inputs, y: Labels) -> None:
        self.victim, self.step, self.y = victim, step, y
        self.layers = [layer for layer in _layers_of(victim.module) if not isinstance(layer, nn.Identity | nn.Dropout)]
        self.x = victim.normalised(x)
        self._many = poisons_per_batch(self._bytes_per_poison(x), x)

    def values(self, x: Inputs, y: Labels) -> Tensor:
        """Return the objective of each poison (m)."""
        if not len(x):
            return x.new_empty(0)
        return torch.cat([self._objective(a, b, graph=False).detach() for a, b in batches(self._many, x, y)])

    def gradients(self, x: Inputs, y: Labels) -> tuple[Tensor, Tensor]:
        """Return the objective of each poison (m), and its gradient in the pixels of the poison (m, *shape)."""
        if not len(x):
            return x.new_empty(0), torch.empty_like(x)
        values, gradients = [], []
        for a, b in batches(self._many, x, y):
            poison = a.detach().requires_grad_()
            value = self._objective(poison, b, graph=True)
            gradients.append(torch.autograd.grad(value.sum(), poison)[0])
            values.append(value.detach())
        return torch.cat(values), torch.cat(gradients)

    def _objective(self, x: Tensor, y: Tensor, *, graph: bool) -> Tensor:
        """Return the objective of each poison (m). `graph` keeps the graph, so that it is differentiable."""
        hidden = self.victim.normalised(x if x.requires_grad else x.detach().requires_grad_())
        inputs, outputs = [], []
        with torch.enable_grad():
            for layer in self.layers:
                inputs.append(hidden)
                hidden = layer(hidden)
                outputs.append(hidden)
            own = functional.cross_entropy(self.victim.as_logits(hidden), y, reduction="none")
            changed = [index for index, layer in enumerate(self.layers) if isinstance(layer, nn.Linear | nn.Conv2d)]
            gradients = torch.autograd.grad(own.sum(), [outputs[index] for index in changed], create_graph=graph)
        grad = dict(zip(changed, gradients, strict=True))
        with torch.set_grad_enabled(graph):
            normal = self.x
            for index, layer in enumerate(self.layers):
                if index in grad:
                    normal = self._after(layer, inputs[index], grad[index], normal)
                else:
                    normal = _apply(layer, normal, shared=not any(earlier < index for earlier in changed))
            logits = self.victim.as_logits(normal.flatten(0, 1))
            losses = functional.cross_entropy(logits, self.y.repeat(len(x)), reduction="none")
            return losses.view(len(x), -1).sum(1) - self.step.stealth_penalty(own)

    def _after(self, layer: nn.Module, into: Tensor, grad: Tensor, normal: Tensor) -> Tensor:
        """Return the output of a layer for normal rows, (n, …) or (m, n, …), after a step on each poison (m, n, …)."""
        rate, factor = self.step.learning_rate, self.step.bias_rate_factor
        if isinstance(layer, nn.Linear):
            shared = normal.ndim == 2
            alike = into @ normal.t() if shared else torch.bmm(normal, into.unsqueeze(2)).squeeze(2)
            if layer.bias is not None:
                alike = alike + factor
            return functional.linear(normal, layer.weight, layer.bias) - (rate * alike)[..., None] * grad[:, None]
        assert isinstance(layer, nn.Conv2d)
        grad = grad.flatten(2)
        change = torch.bmm(grad, _windows(layer, into).transpose(1, 2))  # m, filters, window
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
            moved = moved + factor * grad.sum(2)[:, None, :, None]
        high, wide = before.shape[2:]
        before = before if shared else before.view(len(into), -1, *before.shape[1:])
        changed: Tensor = before - rate * moved.unflatten(3, (high, wide))
        return changed

    def _bytes_per_poison(self, x: Tensor) -> int:
        """Return the number of bytes that autograd saves for each additional poison."""
        saved = [0, 0]

        def count(tensor: Tensor) -> Tensor:
            saved[more] += tensor.numel() * tensor.element_size()
            return tensor

        for more in (0, 1):
            rows = x[:1].detach().repeat(1 + more, *(1 for _ in x.shape[1:])).requires_grad_()
            with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
                self._objective(rows, self.y[:1].repeat(1 + more), graph=True)
        return saved[1] - saved[0]


def is_layered(victim: ModuleClassifier, x: Inputs) -> bool:
    """Return True if `Layered` supports all layers of the victim, with inputs of the dimensions that they expect."""
    module = victim.module
    if not isinstance(module, nn.Sequential):
        return False
    layers = _layers_of(module)
    plain = all(
        isinstance(layer, (nn.Linear, *ACTIVATIONS, *SPATIAL, *NEUTRAL))
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
    weighted = any(isinstance(layer, nn.Linear | nn.Conv2d) for layer in layers)
    if not (plain and flat and once and weighted) or has_hooks(module):
        return False
    hidden = victim.normalised(x[:1])
    for layer in layers:
        if hidden.ndim != 2 and isinstance(layer, nn.Linear):
            return False
        hidden = layer(hidden)
    return True


def _layers_of(module: nn.Module) -> list[nn.Module]:
    """Return the layers of nested `nn.Sequential` modules, in order."""
    if type(module) is nn.Sequential:
        return [layer for child in module for layer in _layers_of(child)]
    return [module]


def _apply(layer: nn.Module, normal: Tensor, *, shared: bool) -> Tensor:
    """Apply a layer without weights to normal rows: (n, …) if all poisons share them, (m, n, …) otherwise."""
    if shared or isinstance(layer, ACTIVATIONS):
        return layer(normal)  # type: ignore[no-any-return]
    return layer(normal.flatten(0, 1)).unflatten(0, normal.shape[:2])  # type: ignore[no-any-return]


def _windows(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return all windows of a convolution as columns: (n, window, positions)."""
    return functional.unfold(
        x,
        layer.kernel_size,
        dilation=layer.dilation,
        padding=layer.padding,  # type: ignore[arg-type]
        stride=layer.stride,
    )
