"""Random crops and flips in batches on the device, without a loop over rows."""

import torch
from torch import Tensor

from antivenom.shapes import Ids


def augment(x: Tensor, keys: Ids, *, crop: int, flip: bool) -> Tensor:
    """Return images (n, c, h, w), each shifted and mirrored according to its key. Equal keys have equal changes.

    Args:
        x: the images (n, c, h, w), of any type. Pixels from outside of an image are 0.
        keys: a number in [0, 2**63) for each image (n).
        crop: the largest shift in each direction, in pixels.
        flip: True to mirror half of the images left to right.

    >>> image = torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> augment(image, torch.tensor([1 << 62]), crop=0, flip=True).flatten().tolist()
    [1.0, 0.0, 3.0, 2.0]
    """
    n, _, height, width = x.shape
    span = 2 * crop + 1
    rows = torch.arange(height, device=x.device) + (keys % span - crop).unsqueeze(1)
    columns = torch.arange(width, device=x.device) + (keys // span % span - crop).unsqueeze(1)
    if flip:
        columns = torch.where((keys >> 62 & 1).bool().unsqueeze(1), columns.flip(1), columns)
    inside = _within(rows, height).unsqueeze(2) & _within(columns, width).unsqueeze(1)
    index = torch.arange(n, device=x.device)[:, None, None]
    moved = x[index, :, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]]
    return (moved * inside.unsqueeze(3)).permute(0, 3, 1, 2).contiguous()


def _within(index: Tensor, size: int) -> Tensor:
    return (index >= 0) & (index < size)
