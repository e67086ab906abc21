"""How a module's weights lie in memory."""

import torch
from torch import nn

ONEDNN_BLOCK = 16
"""Input channels that oneDNN takes at once: 16 with AVX-512, 8 with AVX2."""


def lay_out(module: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    """The module itself, its weights in rows, its filters with their channels last where rows are images.

    Convolutions are quickest so; but not where oneDNN would write past its memory (decision 5).
    """
    for parameter in module.parameters():
        if parameter.ndim == 2:
            parameter.data = parameter.data.contiguous()
    if len(input_shape) != 3 or any(map(_overruns, module.modules())):
        return module
    return module.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def _overruns(layer: nn.Module) -> bool:
    """Whether oneDNN's gradient of this layer's weights overruns its workspace when channels come last."""
    return (
        isinstance(layer, nn.Conv2d)
        and layer.kernel_size == (1, 1)
        and max(layer.stride) > 1
        and layer.in_channels // layer.groups < ONEDNN_BLOCK
    )
