"""Memory for rows: ordinary memory, or a memory-mapped temporary file for large data."""

import math
import tempfile

import torch
from torch import Tensor

from antivenom.files.writing import reserve

MAX_BYTES_IN_MEMORY = 1 << 30
"""Rows of more bytes than this go into a memory-mapped file."""


def empty_rows(count: int, shape: tuple[int, ...], dtype: torch.dtype = torch.uint8) -> Tensor:
    """Return an empty tensor (count, *shape). A large tensor is backed by a memory-mapped file.

    The file is in the folder for temporary files (`$TMPDIR`). It has no name, and is deleted with the tensor.

    >>> empty_rows(2, (1, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """
    size = count * math.prod(shape)
    if size * dtype.itemsize <= MAX_BYTES_IN_MEMORY:
        return torch.empty(count, *shape, dtype=dtype)
    with tempfile.NamedTemporaryFile(prefix="antivenom-") as file:
        reserve(file.fileno(), size * dtype.itemsize, file.name)  # a full disk would end the process with a bus error
        return torch.from_file(file.name, shared=True, size=size, dtype=dtype).view(count, *shape)


def take_rows(x: Tensor, rows: Tensor) -> Tensor:
    """Return a copy of the rows at these positions, or under this mask. `x` may be larger than memory."""
    rows = torch.nonzero(rows).flatten() if rows.dtype == torch.bool else rows
    if x.device.type != "cpu":
        return x[rows]
    return torch.index_select(x, 0, rows, out=empty_rows(len(rows), tuple(x.shape[1:]), x.dtype))
