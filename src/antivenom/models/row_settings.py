"""Checks of the shape and the range of rows that a user gives for a model."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from antivenom.errors import SettingsError
from antivenom.models._adapter import Bounds


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
    pair = list(value) if hasattr(value, "__len__") and not isinstance(value, str) else []
    numbers = [float(each) for each in pair if isinstance(each, Real)]
    if len(pair) != 2 or len(numbers) != 2 or not -math.inf < numbers[0] < numbers[1] < math.inf:
        raise SettingsError(
            [
                "bounds must be two finite numbers (low, high) with low < high, such as (0, 255), or None for any "
                f"range; got {value!r}."
            ]
        )
    return numbers[0], numbers[1]
