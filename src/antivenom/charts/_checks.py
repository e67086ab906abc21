"""What charts are made of, checked when a chart is made, so that every chart that exists can be drawn."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from antivenom.errors import DataError

Array = NDArray[Any]
LARGEST = 1e38
"""That float32 can hold, about."""


@runtime_checkable
class _OnADevice(Protocol):
    """A tensor, told by its method, so that charts can be read without torch."""

    def detach(self) -> Any: ...


def column(values: object) -> Array:
    """Numbers as an array of float64, from a tensor, an array or a list.

    >>> column([1, 2])
    array([1., 2.])
    """
    return np.asarray(_on_the_cpu(values), dtype=np.float64)


def numbers(values: object, where: str, shape: Sequence[int | None]) -> Array:
    """Numbers of a given shape; None stands for any length.

    Raises:
        DataError: they have another shape, or are no numbers.
    """
    try:
        array = column(values)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where} must be an array of numbers; got {type(values).__name__}: {error}") from error
    fits = array.ndim == len(shape) and all(
        want is None or size == want for size, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("n" if want is None else str(want) for want in shape)
        raise DataError(f"{where} must have the shape ({wanted}); got {array.shape}.")
    return array


def pixels(values: object, where: str) -> Array:
    """A picture: uint8 as it is, other numbers as float32.

    Raises:
        DataError: it is not (channels, height, width) with 1 to 4 channels.
    """
    plain = np.asarray(_on_the_cpu(values))
    if plain.dtype != np.uint8:
        plain = np.clip(numbers(plain, where, (None, None, None)), -LARGEST, LARGEST).astype(np.float32)
    if plain.ndim != 3 or not 1 <= len(plain) <= 4:
        raise DataError(f"{where} must have the shape (1 to 4 channels, height, width); got {plain.shape}.")
    return plain


def same_count(found: Sequence[object], wanted: int, where: str, what: str) -> None:
    """Refuse names that are neither absent nor one for each thing.

    Raises:
        DataError: the counts differ.
    """
    if len(found) and len(found) != wanted:
        raise DataError(f"{where} must be empty or have one for each of the {wanted} {what}; got {len(found)}.")


def _on_the_cpu(values: object) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, _OnADevice) else values
