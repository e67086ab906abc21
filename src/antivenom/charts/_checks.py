"""Checks of the contents of charts. They run when a chart is created, so that every chart can be drawn."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from antivenom.errors import DataError

Array = NDArray[Any]
LARGEST = 1e38
"""About the largest number of type float32."""


@runtime_checkable
class _OnADevice(Protocol):
    """A tensor, recognised by its method, so that charts can be read without importing torch."""

    def detach(self) -> Any: ...


def column(values: object) -> Array:
    """Return numbers as an array of float64, from a tensor, an array or a list.

    >>> column([1, 2])
    array([1., 2.])
    """
    return np.asarray(on_the_cpu(values), dtype=np.float64)


def numbers(values: object, where: str, shape: Sequence[int | None]) -> Array:
    """Return `values` as an array, after checking its shape. None in `shape` allows any length.

    Raises:
        DataError: the values have another shape, or are not numbers.
    """
    try:
        array = np.asarray(on_the_cpu(values))
        fits = array.ndim == len(shape) and all(
            expected is None or size == expected for size, expected in zip(array.shape, shape, strict=True)
        )
        if not fits:  # before the conversion, which needs up to eight times the memory
            required = ", ".join("n" if expected is None else str(expected) for expected in shape)
            raise DataError(f"{where} must have the shape ({required}); got {array.shape}.")
        return column(array)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where} must be an array of numbers; got {type(values).__name__}: {error}") from error


def pixels(values: object, where: str) -> Array:
    """Return an image as an array: uint8 unchanged, other numbers as float32.

    Raises:
        DataError: the shape is not (channels, height, width), or there are not 1 to 4 channels.
    """
    array = np.asarray(on_the_cpu(values))
    if array.dtype != np.uint8:
        array = np.clip(numbers(array, where, (None, None, None)), -LARGEST, LARGEST).astype(np.float32)
    if array.ndim != 3 or not 1 <= len(array) <= 4:
        raise DataError(f"{where} must have the shape (1 to 4 channels, height, width); got {array.shape}.")
    return array


def same_count(names: Sequence[object], expected: int, where: str, things: str) -> None:
    """Check that `names` is empty or has the expected length.

    Raises:
        DataError: the number of names is another one.
    """
    if len(names) and len(names) != expected:
        raise DataError(
            f"{where} must be empty or have one name for each of the {expected} {things}; got {len(names)}."
        )


def on_the_cpu(values: object) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, _OnADevice) else values
