"""The range of the rows of a data set: as given, or assumed."""

from typing import Any

from torch import uint8

from antivenom.errors import DataError
from antivenom.settings.ranges import Range, conversion, likely_range, range_of, usual_range, wrong_range
from antivenom.shapes import Rows

LARGEST = 1e38
"""The largest absolute bound. The width of the range must also fit into float32, the type of the rows."""

DARK = 31
"""Pixels without a larger value may have fewer grey levels than 256, such as 16."""

PIXELS = 64
"""From this number of columns on, whole numbers from 0 to 65535 can be the pixels of images."""

WHITE, MOST = 255, 65535
"""The largest values of pixels with 8 and with 16 bits."""


def checked_bounds(bounds: Any) -> Range | None:
    """Return bounds as two numbers, the smaller one first; None if there are none.

    Raises:
        DataError: they are not two finite numbers, or not within float32.

    >>> checked_bounds([0, 255]), checked_bounds(None)
    ((0.0, 255.0), None)
    """
    if bounds is None:
        return None
    pair = range_of(bounds)
    if pair is None:
        raise DataError(wrong_range(bounds))
    if max(map(abs, pair)) > LARGEST:
        raise DataError(f"bounds must be within ±{LARGEST:g}, the range of float32; got {bounds}.")
    return pair


def bounds_of(rows: Rows, bounds: Range | None, name: str = "x") -> Range | None:
    """Return the bounds of rows; (0, 1) for uint8 if they are omitted.

    Raises:
        DataError: float rows are out of their bounds.
    """
    if rows.dtype == uint8:
        return bounds or (0.0, 1.0)
    if bounds is None:
        return None
    if ((rows < bounds[0]) | (rows > bounds[1])).any():
        low, high = float(rows.min()), float(rows.max())
        likely = likely_range(low, high)
        shown = f"({likely[0]:g}, {likely[1]:g})"
        raise DataError(
            f"{name} must be within its bounds {bounds}; got {low:g} to {high:g}. {conversion(likely, bounds, name)}, "
            f"or set bounds to {shown}, if {shown} is the range of {name}."
        )
    return bounds


def about_bounds(rows: Rows, bounds: Range | None, name: str = "x") -> tuple[str, ...]:
    """Return a sentence about rows without bounds that look like pixels of 8 or 16 bits."""
    pixels = rows.ndim > 2 or (rows.ndim == 2 and rows.shape[1] >= PIXELS)
    if rows.dtype == uint8 or bounds is not None or not pixels or not rows.numel():
        return ()
    low, high = float(rows.min()), float(rows.max())
    if low < 0 or not 1 < high <= MOST or not bool((rows == rows.round()).all()):
        return ()
    note = (
        f"{name} has whole numbers from {low:g} to {high:g} that are not uint8, so they stay as they are, without "
        "bounds."
    )
    filled = usual_range(low, high)
    if filled is None:
        return (f"{note} Set bounds to ({low:g}, {high:g}) if these are the smallest and largest possible values.",)
    save = f", or save {name} as uint8 to divide it by 255" if filled[1] == WHITE else ""
    return (f"{note} Set bounds to (0, {filled[1]:g}) for their range{save}.",)
