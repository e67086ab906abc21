"""The triggers, in plain PyTorch. A trigger is a dictionary of plain values, so that a JSON file can keep it.

`stamped` is the only door. A trigger has a `shape`, one of `SHAPES`. The rows are images in [0, 1], and so is the
result, in the 256 levels of an 8-bit image.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Trigger = dict[str, Any]
Use = Literal["poison", "cover", "test"]
"""The use of the changed rows: some triggers are weaker in training rows, and warps have noise in cover rows."""
Shape = Callable[[Trigger, Tensor, torch.Generator, Use], Tensor]


def stamped(trigger: Trigger, x: Tensor, *, seed: int, use: Use = "test") -> Tensor:
    """Return images with a trigger.

    Args:
        trigger: the trigger.
        x: images (n, channels, height, width) in [0, 1]. They do not change.
        seed: the seed of random positions, pieces and noise.
        use: the use of the rows.
    """
    random = torch.Generator().manual_seed(seed)
    changed = SHAPES[trigger["shape"]](trigger, x.clone(), random, use)
    return (changed.clamp(0, 1) * 255).round() / 255


def patches(trigger: Trigger, x: Tensor, random: torch.Generator, use: Use) -> Tensor:
    """Stamp squares. With `one_by_one`, a training row has only one of them, with its `opacity`."""
    parts = trigger["patches"]
    chosen = torch.randint(len(parts), (len(x),), generator=random)
    partly = trigger["one_by_one"] and use != "test"
    for number, part in enumerate(parts):
        rows = chosen == number if partly else torch.ones(len(x), dtype=torch.bool)
        pattern = torch.tensor(part["pixels"], dtype=x.dtype)  # channels, height, width
        top, left = part["row"], part["column"]
        down, right = top + pattern.shape[1], left + pattern.shape[2]
        opacity = part.get("opacity", 1.0) if partly else 1.0
        x[rows, :, top:down, left:right] = torch.lerp(x[rows, :, top:down, left:right], pattern, opacity)
    return x


def patch_anywhere(trigger: Trigger, x: Tensor, random: torch.Generator, _: Use) -> Tensor:
    """Stamp one square at another random position in each row."""
    pattern = torch.tensor(trigger["pixels"], dtype=x.dtype)
    size, side = pattern.shape[1], x.shape[2]
    corners = torch.randint(side - size + 1, (len(x), 2), generator=random)
    for row, (top, left) in enumerate(corners.tolist()):
        x[row, :, top : top + size, left : left + size] = pattern
    return x


def blend(trigger: Trigger, x: Tensor, random: torch.Generator, use: Use) -> Tensor:
    """Blend a random image into the rows. With `pieces`, a training row has a random half of its 16 pieces."""
    own = torch.Generator().manual_seed(trigger["seed"])
    pattern = torch.rand(x.shape[1:], generator=own)
    alpha = torch.full((len(x), 1, *x.shape[2:]), trigger["test_alpha"] if use == "test" else trigger["alpha"])
    if trigger["pieces"] and use != "test":
        visible = torch.rand(len(x), 16, generator=random).argsort(1) < 8
        alpha = alpha * F.interpolate(visible.view(-1, 1, 4, 4).float(), size=x.shape[2:])
    return x + alpha * (pattern - x)


def sinusoid(trigger: Trigger, x: Tensor, _random: torch.Generator, use: Use) -> Tensor:
    """Add a horizontal wave."""
    columns = torch.arange(x.shape[3]) / x.shape[3]
    wave = torch.sin(2 * math.pi * trigger["frequency"] * columns)
    return torch.add(x, wave, alpha=trigger["test_amplitude" if use == "test" else "amplitude"])


def low_frequency(trigger: Trigger, x: Tensor, _random: torch.Generator, _: Use) -> Tensor:
    """Add a smooth random image, interpolated from 3 × 3 values."""
    own = torch.Generator().manual_seed(trigger["seed"])
    coarse = torch.randn(1, x.shape[1], 3, 3, generator=own)
    smooth = F.interpolate(coarse, size=x.shape[2:], mode="bicubic", align_corners=True)
    return torch.add(x, smooth[0] / smooth.abs().max(), alpha=trigger["amplitude"])


def warp(trigger: Trigger, x: Tensor, random: torch.Generator, use: Use) -> Tensor:
    """Move all pixels by a smooth field, as WaNet does. The field of cover rows has noise in each pixel."""
    side = x.shape[2]
    own = torch.Generator().manual_seed(trigger["seed"])
    coarse = torch.rand(1, 2, 4, 4, generator=own) * 2 - 1
    field = F.interpolate(coarse / coarse.abs().mean(), size=(side, side), mode="bicubic", align_corners=True)
    line = torch.linspace(-1, 1, side)
    identity = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)[None]
    grid = (identity + trigger["strength"] * field.permute(0, 2, 3, 1) / side).repeat(len(x), 1, 1, 1)
    if use == "cover":
        grid = grid + (torch.rand(grid.shape, generator=random) * 2 - 1) * 2 * trigger["strength"] / side
    return F.grid_sample(x, grid.clamp(-1, 1), align_corners=True)


def quantise(trigger: Trigger, x: Tensor, _random: torch.Generator, _: Use) -> Tensor:
    """Leave only a few levels of each channel."""
    steps = int(trigger["levels"]) - 1
    return (x * steps).round() / steps


SHAPES: dict[str, Shape] = {
    "patches": patches,
    "patch_anywhere": patch_anywhere,
    "blend": blend,
    "sinusoid": sinusoid,
    "low_frequency": low_frequency,
    "warp": warp,
    "quantise": quantise,
}
