"""The memory layout of a module's weights."""

import torch
from torch import nn

ONEDNN_BLOCK = 16
"""The number of input channels per block of oneDNN: 16 with AVX-512, 8 with AVX2."""


def lay_out(module: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    """Make weights contiguous, and convert filters to channels last if rows are images. Return the module itself.

    Convolutions are fastest in this layout. It is not used if oneDNN would write outside of its memory (decision 5).
    """
    for parameter in module.parameters():
        if parameter.ndim == 2:
            parameter.data = parameter.data.contiguous()
    if len(input_shape) != 3 or any(map(_overruns, module.modules())):
        return module
    return module.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def _overruns(layer: nn.Module) -> bool:
    """True if oneDNN's gradient of this layer's weights overruns its workspace with channels last."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and max(layer.stride) > 1
        and layer.in_channels // layer.groups < ONEDNN_BLOCK
    )
