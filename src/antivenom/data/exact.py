"""Numbers that float32, the type of all rows, does not tell apart: large numbers that differ little, such as times."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.errors import DataError

EXACT = 1 << 24
"""The largest whole number up to which float32 represents all whole numbers."""

MOST_EQUAL = 0.1
"""The largest share of the different values of a column that may become equal to others, with an assumption."""

MOST_MOVED = 1e-3
"""The largest change of a value, as a share of the range of its column, if values become equal."""

OUT = "leave the column out"
"""The other way out for a column of an array."""


def about_rounding(
    values: NDArray[Any] | Tensor, name: str, *, otherwise: str = OUT, different: int | None = None
) -> tuple[str, ...]:
    """Return a sentence about the values (n) of a column that change in float32; none if that does not matter.

    Args:
        values: the column, before it becomes float32.
        name: the name of the column, for the start of a sentence.
        otherwise: what else the user can do, for the end of a message.
        different: the number of different values, if `values` are rounded already.

    Raises:
        DataError: different values become equal, and they are many, or move far in the range of the column.

    >>> about_rounding(np.array([1, 2, 3]), "Column 'a'"), about_rounding(np.array([2**25, 0]), "Column 'a'")
    ((), ("Column 'a' has numbers up to 33,554,432; float32 rounds whole numbers above 16,777,216.",))
    """
    plain: NDArray[Any] = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    if not plain.size or plain.dtype.kind not in "uif" or plain.dtype.itemsize <= 2 or plain.dtype == np.float32:
        return ()
    low, high = plain.min(), plain.max()
    large = max(abs(float(low)), abs(float(high)))
    span = float(high) - float(low)
    if not (large > EXACT or (plain.dtype.kind == "f" and large * np.finfo(np.float32).eps > MOST_MOVED * span)):
        return ()
    with np.errstate(over="ignore"):
        rounded = plain.astype(np.float32)
    if not np.isfinite(rounded).all():
        return ()  # the caller refuses them
    before = len(np.unique(plain)) if different is None else different
    lost = before - len(np.unique(rounded))
    shown = f"{name} has numbers up to {large:,.0f}"
    if not lost:
        note = f"{shown}; float32 rounds whole numbers above {EXACT:,}."
        return (note,) if large > EXACT else ()
    moved = float(np.abs(rounded.astype(np.float64) - plain).max())
    message = f"{shown}, and float32 does not tell them apart: {lost:,} of {before:,} different values become equal"
    if lost > MOST_EQUAL * before or moved > MOST_MOVED * span:
        advice = f"Subtract the smallest value, {low:{',.0f' if low == np.rint(low) else ',.12g'}}" + (
            ", and use coarser units" if span > EXACT else ""
        )
        raise DataError(f"{message} to others. {advice}, or {otherwise}.")
    return (f"{message} to others. Subtract an offset if this matters.",)


def about_columns(x: Tensor) -> tuple[str, ...]:
    """Return the sentences about the columns of rows (n, columns), or about the values of rows of another shape.

    Raises:
        DataError: see `about_rounding`.
    """
    if x.dtype in (torch.float32, torch.uint8, torch.bool, torch.float16, torch.bfloat16) or not x.numel():
        return ()
    if x.ndim != 2:
        return () if x.is_floating_point() else about_rounding(x.reshape(-1), "x", otherwise="scale x")
    numbers = range(x.shape[1])
    return tuple(note for number in numbers for note in about_rounding(x[:, number], f"Column {number} of x"))
