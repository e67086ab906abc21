"""Tasks without labels: a network learns features from the inputs of all rows."""

from dataclasses import replace

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import input_batches
from antivenom.rng import Rng

ITERATIONS = 20
"""The number of iterations of k-means."""


def rotations(data: Dataset) -> Dataset:
    """Return each image turned by 0, 90, 180 and 270 degrees. The class is the number of quarter turns (RotNet).

    >>> import numpy as np
    >>> turned = rotations(Dataset.from_arrays(np.zeros((2, 4, 4), np.uint8), [0, 1]))
    >>> len(turned), turned.classes
    (8, ('0', '90', '180', '270'))
    """
    x = torch.cat([torch.rot90(data.x, turns, (2, 3)) for turns in range(4)])
    y = torch.arange(4, device=data.device).repeat_interleave(len(data))
    ids = torch.arange(len(x), device=data.device)
    return replace(data, x=x, y=y, ids=ids, classes=("0", "90", "180", "270"))


def clusters(data: Dataset, count: int, rng: Rng) -> Dataset:
    """Return the rows with the number of their cluster as the class. The clusters are those of k-means on the inputs.

    Args:
        data: the rows.
        count: the number of clusters; there are never more than rows.
        rng: draws the rows with which k-means starts.

    >>> import numpy as np
    >>> found = clusters(Dataset.from_arrays(np.array([[0.0], [0.1], [9.0]]), [0, 1, 1]), 2, Rng(0))
    >>> bool(found.y[0] == found.y[1]), bool(found.y[0] == found.y[2])
    (True, False)
    """
    count = min(count, len(data))
    centres = data.inputs(rng.order(torch.arange(len(data), device=data.device))[:count]).flatten(1)
    for _ in range(ITERATIONS):
        nearest = _nearest(data, centres)
        sums, counts = torch.zeros_like(centres), torch.zeros(count, device=data.device)
        for rows, x in input_batches(data, most=4096):
            sums.index_add_(0, nearest[rows], x.flatten(1))
            counts.index_add_(0, nearest[rows], torch.ones(len(x), device=data.device))
        centres = torch.where(counts[:, None] > 0, sums / counts[:, None].clamp_min(1), centres)
    return replace(data, y=_nearest(data, centres), classes=tuple(map(str, range(count))))


def _nearest(data: Dataset, centres: Tensor) -> Tensor:
    return torch.cat([torch.cdist(x.flatten(1), centres).argmin(1) for _, x in input_batches(data, most=4096)])
