"""Checks of the shape and the range of rows that a user gives for a model."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from antivenom.errors import SettingsError
from antivenom.models._adapter import Bounds
from antivenom.settings.ranges import range_of, wrong_range


def checked_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of one row as a tuple. A whole number is the number of columns of a table.

    Raises:
        SettingsError: it is not a shape.

    >>> checked_shape(64), checked_shape([1, 8, 8])
    ((64,), (1, 8, 8))
    """
    sizes: Any = (value,) if isinstance(value, Integral) else value
    is_shape = isinstance(sizes, Sequence) and not isinstance(sizes, str) and len(sizes) > 0
    if not is_shape or not all(isinstance(size, Integral) and int(size) >= 1 for size in sizes):
        raise SettingsError(
            [
                f"input_shape must be the shape of one row, such as (1, 28, 28) or (64,); got {value!r}. Pass whole "
                "numbers."
            ]
        )
    return tuple(map(int, sizes))


def checked_bounds(value: Any) -> Bounds:
    """Return the range of the rows as two numbers; None for any range.

    Raises:
        SettingsError: it is not a range.

    >>> checked_bounds((0, 255)), checked_bounds(None)
    ((0.0, 255.0), None)
    """
    if value is None:
        return None
    pair = range_of(value)
    if pair is None:
        raise SettingsError([f"{wrong_range(value)} None is for any range."])
    return pair
