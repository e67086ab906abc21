"""Private parts of torch: kernels, base classes and attributes."""

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = [
    "HAS_FUSED_ADAM",
    "HAS_ONEDNN_PRODUCT",
    "NORMALISATIONS",
    "TorchDispatchMode",
    "fused_adam",
    "has_hooks",
    "hook_count",
    "log_softmax_backward",
    "onednn_product",
    "writes_to",
]

HAS_FUSED_ADAM = hasattr(torch, "_fused_adam_") and hasattr(torch, "_fused_adamw_")
"""True if this version of torch has the kernels of `torch.optim.Adam(fused=True)` and of `AdamW`."""

NORMALISATIONS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
"""The base classes of batch and instance normalisation for all numbers of dimensions."""


def writes_to(tensor: Tensor) -> int:
    """Return the number of operations in place on a tensor or on its views."""
    return tensor._version


def fused_adam(
    weights: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    counts: list[Tensor],
    *,
    rate: float,
    weight_decay: float,
    decoupled: bool = False,
) -> None:
    """Update weights in place by the kernel of Adam. Its public wrapper, with `fused=True`, is slow for small networks.

    Args:
        weights: the weights: tensors of any sizes.
        gradients: their gradients.
        means: the running means of the gradients.
        squares: the running means of their squares.
        counts: the number of updates of each tensor, with this one: float32 without dimensions.
        rate: the learning rate.
        weight_decay: the factor of the weights that is added to the gradient.
        decoupled: True to decay the weights themselves instead, as AdamW does.
    """
    kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
    kernel(
        weights, gradients, means, squares, [], counts,
        lr=rate, beta1=0.9, beta2=0.999, weight_decay=weight_decay, eps=1e-8, amsgrad=False, maximize=False,
    )  # fmt: skip


HAS_ONEDNN_PRODUCT = (
    torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and torch.backends.cpu.get_cpu_capability() == "AVX512"
)
"""True if this version of torch has oneDNN's linear layer, and the processor has AVX-512. MKL uses it on some only."""


def onednn_product(left: Tensor, right: Tensor) -> Tensor:
    """Return left · rightᵀ (n, m) of matrices (n, k) and (m, k) in float32 on a CPU, without gradient, by oneDNN.

    >>> right = torch.tensor([[1.0, 2.0]])
    >>> (onednn_product if HAS_ONEDNN_PRODUCT else torch.nn.functional.linear)(torch.ones(1, 2), right)
    tensor([[3.]])
    """
    product: Tensor = torch.ops.mkldnn._linear_pointwise.default(left, right, None, "none", [], "")
    return product


def log_softmax_backward(gradient: Tensor, log: Tensor) -> Tensor:
    """Return the gradient of inputs (n, k) of a log-softmax, from that of its outputs and the outputs themselves.

    >>> log = torch.log_softmax(torch.zeros(1, 2), 1)
    >>> log_softmax_backward(torch.tensor([[1.0, 0.0]]), log)
    tensor([[ 0.5000, -0.5000]])
    """
    if hasattr(torch, "_log_softmax_backward_data"):
        return torch._log_softmax_backward_data(gradient, log, 1, log.dtype)
    return gradient - log.exp() * gradient.sum(1, keepdim=True)


def hook_count(module: nn.Module) -> int:
    """Return the number of hooks of a module and its layers, forward and backward."""
    return sum(
        len(hooks or ())
        for layer in module.modules()
        for hooks in (layer._forward_hooks, layer._forward_pre_hooks, layer._backward_hooks, layer._backward_pre_hooks)
    )


def has_hooks(module: nn.Module) -> bool:
    """Return True if a layer has forward hooks, which may change its inputs or outputs."""
    return any(layer._forward_hooks or layer._forward_pre_hooks for layer in module.modules())
