"""Rows of a Hugging Face data set that are arrays or lists, and its format."""

from typing import Any

import numpy as np
from torch import Tensor

from antivenom.data.formats.images import Canvas
from antivenom.data.sample_parts import ROW_KEYS
from antivenom.errors import DataError

CONVERTED = ("torch", "numpy", "tensorflow", "jax", "pandas", "polars", "arrow")
"""The formats in which a data set returns the same values as other types. `custom` can return others."""

ROWS = ("Image", "Array2D", "Array3D", "Array4D", "Array5D")
"""The types of columns that are rows, in the features of a data set."""


def without_format(samples: Any) -> Any:
    """Return a data set without its format, so that images are images. One of the user's own stays."""
    return samples.with_format(None) if (getattr(samples, "format", None) or {}).get("type") in CONVERTED else samples


def is_uint8(samples: Any, column: str) -> bool:
    """Return whether a column has arrays or lists of uint8, whatever type they are read as."""
    kind: Any = (getattr(samples, "features", None) or {}).get(column)
    while hasattr(kind, "feature"):
        kind = kind.feature
    return getattr(kind, "dtype", None) == "uint8"


def is_array(value: object) -> bool:
    """Return whether a row is an array, a tensor or a list, and not an image.

    >>> is_array([1, 2]), is_array(np.zeros(3)), is_array({"bytes": b""})
    (True, True, False)
    """
    return isinstance(value, list | tuple | np.ndarray | Tensor)


def about_arrays(column: str, rows: Tensor) -> str:
    """Return what is assumed about a column of arrays."""
    return (
        f"The column {column!r} has arrays of the shape {tuple(rows.shape[1:])} in place of images: one for each row."
    )


def check_no_canvas(canvas: Canvas, column: str) -> None:
    """Refuse settings that are only for images.

    Raises:
        DataError: one is set.
    """
    usual = Canvas()
    given = [
        name for name in ("size", "mode", "fit", "background", "white") if getattr(canvas, name) != getattr(usual, name)
    ]
    if given:
        raise DataError(
            f"{' and '.join(given)} can only be set for images; the column {column!r} has arrays. Remove the setting, "
            "and convert the arrays before."
        )


def row_hint(samples: Any, label: str) -> str:
    """Return advice that names the columns that can be the rows."""
    features = dict(getattr(samples, "features", None) or {})
    likely = [name for name, kind in features.items() if type(kind).__name__ in ROWS]
    likely = likely or [name for name in features if name in ROW_KEYS and name != label]
    if likely:
        return f" Pass {' or '.join(f'image={name!r}' for name in likely)} if it contains the rows."
    return " Pass image=None if all columns are numbers, or image= with the name of the column of images or arrays."
