"""The mean and the standard deviation of rows: one number, or one number per channel."""

import math
from typing import Any

import torch
from torch import Tensor

from antivenom.errors import SettingsError
from antivenom.models._adapter import Bounds, range_in_words

Numbers = float | tuple[float, ...] | None

WIDE_RANGE = 100
"""Rows in a range at least as wide are not shares, so that a mean and std of shares do not fit them."""


def numbers_of(value: Any, name: str, shape: tuple[int, ...]) -> Numbers:
    """Return a mean or std as a number, or as a tuple with one number per channel.

    Args:
        value: a number, list, tuple, array or tensor; of shape (c), (c, 1, 1) or similar for one number per channel.
        name: "mean" or "std", for messages.
        shape: the shape of one row, channels first.

    Raises:
        SettingsError: it has another number of channels, or numbers that are not finite.

    >>> numbers_of([[[0.5]], [[0.25]]], "mean", (2, 8, 8))
    (0.5, 0.25)
    """
    if value is None:
        return None
    array = _as_tensor(value, name)
    if not torch.isfinite(array).all():
        raise SettingsError([f"{name} must have finite numbers; got {_short(value)}."])
    if array.numel() not in (1, *shape[:1]) or sum(size != 1 for size in array.shape) > 1:
        got = f"the shape {tuple(array.shape)}" if array.ndim > 1 else str(array.numel())
        counts = "1 number" if shape[0] == 1 else f"1 or {shape[0]} numbers (one per channel)"
        raise SettingsError([f"{name} must have {counts}; got {got}."])
    if name == "std" and not bool((array > 0).all()):
        raise SettingsError([f"std must be above 0; got {_short(value)}."])
    numbers = tuple(array.flatten().tolist())
    return numbers if array.ndim else numbers[0]


def check_range(mean: Numbers, std: Numbers, bounds: Bounds, shape: tuple[int, ...]) -> None:
    """Check that mean and std are those of rows in this range.

    Raises:
        SettingsError: the mean is outside of the range, or std is wider than the range or far too narrow for it.

    >>> check_range((123.7, 116.3, 103.5), None, (0.0, 1.0), (3, 8, 8))
    Traceback (most recent call last):
        ...
    antivenom.errors.SettingsError: mean (123.7, 116.3, 103.5) is outside of the range of the rows, [0, 1]. ...
    """
    if bounds is None:
        return
    low, high = bounds
    means, stds = _tuple(mean), _tuple(std)
    given = range_in_words(bounds)
    advice = "Give mean and std in the unit of the rows, or set bounds to the range of the rows."
    if any(not low <= each <= high for each in means):
        raise SettingsError([f"mean {_short(mean)} is outside of the range of the rows, {given}. {advice}"])
    if any(each > high - low for each in stds):
        raise SettingsError([f"std {_short(std)} is wider than the range of the rows, {given}. {advice}"])
    image = len(shape) == 3
    if image and high - low >= WIDE_RANGE and means and stds and 0 < max(means) <= 1 and max(stds) < 1:
        raise SettingsError(
            [
                f"The rows are in {given}, but mean {_short(mean)} and std {_short(std)} are those of rows in [0, 1]. "
                f"{advice}"
            ]
        )


def channelwise(value: Numbers, shape: tuple[int, ...]) -> Tensor | None:
    """Return a mean or std as a tensor that broadcasts over rows (n, *shape), float32."""
    if value is None:
        return None
    numbers = torch.tensor(value, dtype=torch.float32)
    return numbers.reshape(-1, *(1 for _ in shape[1:])) if numbers.ndim else numbers


def _as_tensor(value: Any, name: str) -> Tensor:
    try:
        tensor = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SettingsError([f"{name} must be a number or one number per channel; got {_short(value)}."]) from error
    if tensor.is_complex() or tensor.dtype == torch.bool:
        raise SettingsError([f"{name} must be a number or one number per channel; got {_short(value)}."])
    return tensor.detach().cpu().double()


def _tuple(value: Numbers) -> tuple[float, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _short(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    text = " ".join((repr(value) if isinstance(value, str) else str(value)).split())
    return text if len(text) < 80 else f"{text[:77]}..."
