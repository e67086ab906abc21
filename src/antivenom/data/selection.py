"""The positions of chosen rows, in every usual form: numbers, a mask, a slice, or an array of NumPy."""

from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Positions

FORMS = "a list, slice, array or tensor of positions, or a mask with one bool per row"


def positions_of(rows: Any, count: int) -> Positions | Chosen:
    """Return chosen rows as a tensor: positions from 0, or a mask (n).

    Args:
        rows: a list, range, slice, array or tensor of positions, which may count from the end as -1 does, or a mask.
        count: the number of all rows.

    Raises:
        DataError: it is none of these, a mask has another length, or there is no row at a position.

    >>> positions_of(slice(1, 3), 4), positions_of([0, -1], 4), positions_of([True, False], 2)
    (tensor([1, 2]), tensor([0, 3]), tensor([ True, False]))
    """
    if isinstance(rows, slice):
        return (
            torch.arange(count)[rows] if (rows.step or 1) > 0 else torch.tensor(range(count)[rows], dtype=torch.int64)
        )
    if isinstance(rows, Tensor) and rows.ndim == 1 and rows.dtype in (torch.int64, torch.bool):
        chosen = rows
    elif isinstance(rows, Tensor | np.ndarray | list | tuple | range):
        chosen = _as_tensor(rows)
    else:
        raise DataError(f"rows must be {FORMS}; got {type(rows).__name__}.")
    if chosen.dtype == torch.bool:
        if len(chosen) != count:
            raise DataError(f"A mask must have one bool for each of the {count} rows; got {len(chosen)}.")
        return chosen
    if len(chosen):
        low, high = int(chosen.min()), int(chosen.max())
        if not -count <= low <= high < count:
            raise DataError(f"Positions must be from 0 to {count - 1}; got {high if high >= count else low}.")
        chosen = chosen if low >= 0 else chosen % count
    return chosen


def check_split(share: object, rng: object) -> None:
    """Check the share of the rows in the test set, and the stream of random numbers that draws them.

    Raises:
        DataError: the share is not a number in (0, 1), or `rng` is not an `Rng`.
    """
    if not isinstance(rng, Rng):
        raise DataError(f"rng must be an Rng, such as Rng(0); got {type(rng).__name__}.")
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < float(share) < 1:
        raise DataError(f"share must be a number in (0, 1); got {share!r}.")


def _as_tensor(rows: Any) -> Tensor:
    """Return positions or a mask as a tensor of int64 or bool."""
    array = np.asarray(rows.detach().cpu() if isinstance(rows, Tensor) else rows)
    if not array.size and array.ndim == 1:
        return torch.zeros(0, dtype=torch.int64)
    if array.ndim != 1 or array.dtype.kind not in "biu" or array.dtype == np.uint8:
        extra = " uint8 can be both." if array.dtype == np.uint8 else ""
        raise DataError(f"rows must be {FORMS}; got {array.dtype} of the shape {array.shape}.{extra}")
    return torch.from_numpy(array.astype(np.bool_ if array.dtype.kind == "b" else np.int64))
