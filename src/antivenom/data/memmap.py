"""Room for rows: in memory, or, where there are very many, in a file that is mapped into it."""

import math
import tempfile

import torch
from torch import Tensor

MAX_BYTES_IN_MEMORY = 1 << 30
"""So many bytes of rows are kept in memory; more of them in a file."""


def empty_rows(count: int, shape: tuple[int, ...], dtype: torch.dtype = torch.uint8) -> Tensor:
    """An empty tensor (count, *shape); in a file of its own, mapped into memory, where it is a large one.

    The file lies where the system keeps temporary files (`$TMPDIR`), has no name, and goes when the tensor does.

    >>> empty_rows(2, (1, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """
    size = count * math.prod(shape)
    if size * dtype.itemsize <= MAX_BYTES_IN_MEMORY:
        return torch.empty(count, *shape, dtype=dtype)
    with tempfile.NamedTemporaryFile(prefix="antivenom-") as file:
        return torch.from_file(file.name, shared=True, size=size, dtype=dtype).view(count, *shape)


def take_rows(x: Tensor, rows: Tensor) -> Tensor:
    """The rows at these positions, or under this mask, in room of their own; `x` may be larger than memory."""
    rows = torch.nonzero(rows).flatten() if rows.dtype == torch.bool else rows
    if x.device.type != "cpu":
        return x[rows]
    return torch.index_select(x, 0, rows, out=empty_rows(len(rows), tuple(x.shape[1:]), x.dtype))
