"""The memory layout of a module's weights."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from antivenom.errors import SettingsError

ONEDNN_BLOCK = 16
"""The number of input channels per block of oneDNN: 16 with AVX-512, 8 with AVX2."""

Run = Callable[[nn.Module], Tensor]
"""A pass of rows through a module, with class scores as its result."""


def lay_out(module: nn.Module, *, channels_last: bool) -> nn.Module:
    """Make matrices contiguous, and convert filters to channels last if this is set. Return the module itself."""
    for parameter in module.parameters():
        if parameter.ndim == 2:
            parameter.data = parameter.data.contiguous()
    if not channels_last:
        return module
    return module.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def takes_channels_last(module: nn.Module, input_shape: tuple[int, ...], run: Run, expected: Tensor) -> bool:
    """True if a module with filters in channels last gives the same scores, in evaluation and in training mode.

    Convolutions are fastest in this layout. It is not used if rows are not images, if oneDNN would write outside of its
    memory (decision 5), or if the module depends on the order in memory, as `x.view(len(x), -1)` does.

    Args:
        module: the module, in evaluation mode; it does not change.
        input_shape: the shape of one row.
        run: passes some rows through a module and returns its scores.
        expected: the scores of the module in its own layout.
    """
    filters = any(parameter.ndim == 4 for parameter in module.parameters())
    if len(input_shape) != 3 or not filters or any(map(_overruns, module.modules())):
        return False
    trial = lay_out(copy.deepcopy(module), channels_last=True)
    with torch.no_grad():
        try:
            if not close(run(trial), expected):
                return False
        except (RuntimeError, ValueError, SettingsError):
            return False
        return _runs(run, trial.train()) or not _runs(run, copy.deepcopy(module).train())


def close(one: Tensor, other: Tensor) -> bool:
    """True if scores are equal apart from rounding."""
    if one.shape != other.shape:
        return False
    size = float(other.abs().nan_to_num(0, 0, 0).max()) if other.numel() else 0.0
    return torch.allclose(one, other, rtol=1e-2, atol=1e-3 * size + 1e-6, equal_nan=True)


def _runs(run: Run, module: nn.Module) -> bool:
    try:
        run(module)
    except (RuntimeError, ValueError, SettingsError):
        return False
    return True


def _overruns(layer: nn.Module) -> bool:
    """True if oneDNN's gradient of this layer's weights overruns its workspace with channels last."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and max(layer.stride) > 1
        and layer.in_channels // layer.groups < ONEDNN_BLOCK
    )
