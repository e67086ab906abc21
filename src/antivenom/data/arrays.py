"""Rows from arrays: their type, and the axis of the channels of images."""

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from antivenom.data.bounds import DARK
from antivenom.data.exact import about_columns, about_rounding
from antivenom.data.frames import about_identifiers, columns_of, is_frame
from antivenom.errors import DataError
from antivenom.shapes import Rows

Channels = Literal["first", "last", "none"]
"""The axis of the channels of images: `first` (n, c, h, w), `last` (n, h, w, c), or `none` (n, h, w)."""

USUAL = (1, 3, 4)
"""The usual numbers of channels: grey, RGB, and RGB with transparency."""

THIN = 4
"""The longest side that an axis of channels can have, and an image hardly has."""

ROW_AXES = 3
"""The number of axes of grey images (n, h, w)."""


def as_rows(x: ArrayLike | Tensor, channels: Channels | None = None, name: str = "x") -> tuple[Rows, tuple[str, ...]]:
    """Convert an array to rows, and return them with the assumptions about them.

    Args:
        x: an array (n, ...) of real numbers. uint8 stays uint8; all other numbers become float32.
        channels: the axis of the channels of images; if omitted, the axis of length 1, 3 or 4.
        name: the name of the array in messages and assumptions.

    Raises:
        DataError: `x` contains other things than finite real numbers, its layout is ambiguous, or different values of a
            column become equal in float32.

    >>> rows, assumptions = as_rows(np.zeros((2, 8, 8, 3), np.float32))
    >>> rows.shape, assumptions[0]
    (torch.Size([2, 3, 8, 8]), "x has the shape (2, 8, 8, 3): images with their channels last. Set channels to 'first...
    """
    if is_frame(x):
        return _from_frame(x, name)
    rows = as_tensor(x, name)
    if rows.ndim < 2:
        raise DataError(f"{name} must have shape (n, ...) with at least one number per row; got {tuple(rows.shape)}.")
    kind = rows.dtype
    rows, assumptions = _channels_first(rows, channels, name)
    if kind == torch.uint8:
        return rows, assumptions + _about_dark(rows, name)
    assumptions += about_columns(rows)
    rows = rows.to(torch.float32)
    if not torch.isfinite(rows).all():
        raise DataError(f"{name} must contain finite numbers; got NaN or infinity. Remove or fill these values first.")
    return rows, assumptions


def _from_frame(frame: Any, name: str) -> tuple[Rows, tuple[str, ...]]:
    """Return the rows of a table of pandas or polars, and the assumptions about them."""
    columns = columns_of(frame, name)
    if not columns:
        raise DataError(f"{name} must have at least one column of numbers; got none.")
    notes = about_identifiers(columns)
    for column, values in columns.items():
        notes += about_rounding(values, f"The column {column!r}")
    kind = np.uint8 if all(values.dtype == np.uint8 for values in columns.values()) else np.float32
    rows = torch.from_numpy(np.stack([values.astype(kind) for values in columns.values()], axis=1))
    return rows, notes + (_about_dark(rows, name) if kind is np.uint8 else ())


def as_tensor(values: ArrayLike | Tensor, name: str) -> Tensor:
    """Convert an array of real numbers to a tensor of the same type. `name` is for messages.

    Raises:
        DataError: it has masked values, or is not a dense array of real numbers below 2**63.
    """
    if isinstance(values, Tensor):
        if values.is_complex():
            raise DataError(f"{name} must contain real numbers; got {values.dtype}.")
        if values.is_quantized or values.layout != torch.strided:
            raise DataError(f"{name} must be a dense tensor; got {values.dtype}, {values.layout}.")
        return values.detach()
    array = as_array(values, name)
    if array.dtype.kind not in "buif":
        hint = " Convert a sparse matrix by its method toarray()." if callable(getattr(values, "toarray", None)) else ""
        raise DataError(f"{name} must contain real numbers; got {array.dtype}.{hint}{_example(array)}")
    if array.dtype.kind == "u" and array.size and int(array.max()) >= 1 << 63:
        raise DataError(f"{name} must contain numbers below 2**63; got {array.max()}.")
    native = np.dtype(np.float64) if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    native = np.dtype(np.int64) if native.kind == "u" and native.itemsize > 1 else native  # as torch has few operations
    return torch.from_numpy(np.array(array, dtype=native))


def column_names(values: object) -> tuple[str, ...]:
    """Return the names of the columns of a table of pandas or polars; an empty tuple if not all of them are text.

    >>> column_names(np.zeros((2, 3)))
    ()
    """
    columns = getattr(values, "columns", None)
    names = () if columns is None or callable(columns) else tuple(columns)
    return tuple(map(str, names)) if all(isinstance(name, str) for name in names) else ()


def as_array(values: ArrayLike, name: str) -> NDArray[Any]:
    """Convert values to an array of any type. `name` is for messages.

    Raises:
        DataError: rows have different lengths, or values are masked.
    """
    try:
        masked = _masked(values)
        if not masked:
            return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{name} must be an array of numbers: {error}") from error
    raise DataError(f"{name} must not have masked values; got {masked}. Fill or remove them first.")


def _example(array: NDArray[Any]) -> str:
    """Return a sentence about the first value of a table that is not a number."""
    if array.ndim != 2 or array.dtype.kind not in "OU":
        return ""
    for column in range(array.shape[1]):
        value = next((each for each in array[:, column].tolist() if not isinstance(each, int | float)), None)
        if value is not None:
            return f" Column {column} has {str(value)[:40]!r}. Remove it, or make it numbers."
    return " Pass x.astype(float)."


def _masked(values: object) -> int:
    """Return the number of masked values in an array, or in arrays in lists: numpy drops the mask of those."""
    if isinstance(values, np.ma.MaskedArray):
        return int(np.ma.getmaskarray(values).sum())
    return sum(map(_masked, values)) if isinstance(values, list | tuple) else 0


def _channels_first(x: Tensor, channels: Channels | None, name: str) -> tuple[Tensor, tuple[str, ...]]:
    """Return images as (n, c, h, w), and the assumptions about their layout. Rows of other shapes do not change."""
    if channels not in (None, "first", "last", "none"):
        raise DataError(f"channels must be 'first', 'last', 'none' or omitted; got {channels!r}.")
    wanted = {"first": ROW_AXES + 1, "last": ROW_AXES + 1, "none": ROW_AXES}.get(channels or "", x.ndim)
    if x.ndim != wanted:
        raise DataError(f"The channels '{channels}' require {name} with {wanted} axes; got the shape {tuple(x.shape)}.")
    if x.ndim == ROW_AXES:
        note = f"{name} has the shape {tuple(x.shape)}: grey images (n, height, width) without an axis of channels."
        advice = f" Set channels to 'none' to confirm, or reshape {name} to (n, numbers) if rows are not images."
        return x.unsqueeze(1), () if channels else (note + advice,)
    if x.ndim != ROW_AXES + 1 or channels == "first":
        return x, ()
    layout = channels or inferred_layout(tuple(x.shape), name)
    images = x.permute(0, 3, 1, 2).contiguous() if layout == "last" else x
    if channels or (layout == "first" and x.shape[1] in USUAL):
        return images, ()
    other = "first" if layout == "last" else "last"
    note = f"{name} has the shape {tuple(x.shape)}: images with their channels {layout}."
    return images, (f"{note} Set channels to '{other}' if this is wrong.",)


def _about_dark(rows: Rows, name: str) -> tuple[str, ...]:
    """Return a sentence about rows of uint8 whose largest value is small, because white is 255."""
    low, high = (int(rows.min()), int(rows.max())) if rows.numel() else (0, 0)
    if not 0 < high <= DARK:
        return ()
    factor = f"{255 / high:.4g}"
    if rows.ndim == ROW_AXES + 1:
        meaning, advice = "black is 0 and white 255", f"Scale {name} by {factor} if {high} is white."
    else:
        meaning, advice = "it is divided by 255", f"Scale {name} by {factor} if {high} is the largest possible value."
    return (f"{name} has uint8 values from {low} to {high}, of 0 to 255: {meaning}. {advice}",)


def inferred_layout(shape: tuple[int, ...], name: str = "x") -> Channels:
    """Return the axis of the channels.

    There are three reasons for an axis: its length is a usual number of channels; only then both other axes are longer
    than 1, or longer than 4, as sides of images are; and, if both are long in any case, only then they are equal.

    Raises:
        DataError: the reasons disagree, or there is none.
    """
    _, one, two, three = shape
    if one == two == three == 1:
        return "first"
    layouts: tuple[tuple[Channels, int, int, int], ...] = (("first", one, two, three), ("last", three, one, two))
    usual = {layout for layout, count, _, _ in layouts if count in USUAL}
    flat = {layout for layout, _, high, wide in layouts if min(high, wide) > 1}
    thick = {layout for layout, _, high, wide in layouts if min(high, wide) > THIN}
    square = {layout for layout, _, high, wide in layouts if high == wide and len(thick) == len(layouts)}
    reasons = (usual, flat, thick, square)
    agreed = set[Channels]().union(*(reason for reason in reasons if len(reason) == 1))
    if len(agreed) == 1:
        return agreed.pop()
    raise DataError(
        f"{name} has the shape {shape}: the channels of the images can be axis 1 or axis 3. "
        "Set channels to 'first' for (n, c, h, w), or to 'last' for (n, h, w, c)."
    )
