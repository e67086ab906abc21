"""Tensor types with their shapes, and a short `repr` for objects with tensors.

The tests check these types at every call; other runs do not. `n` is the number of rows, `m` the number of contributed
(poisoned) rows, `shape` the shape of one row: channels, height and width for images, features for tables.
"""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped, UInt8
from torch import Tensor

Rows = Shaped[Tensor, "n *shape"]
"""Rows as stored: uint8 for images, float32 for other data."""

Inputs = Float[Tensor, "n *shape"]
"""Rows as a classifier receives them: float, within the bounds of the data."""

Labels = Int64[Tensor, " n"]
Ids = Int64[Tensor, " n"]
Positions = Int64[Tensor, " _"]
Scores = Float[Tensor, "n classes"]
Counts = Int64[Tensor, "classes classes"]
Features = Float[Tensor, "n d"]
Chosen = Bool[Tensor, " n"]
Roles = UInt8[Tensor, " n"]

LONGEST = 200
"""The largest length of the `repr` of a field. A longer one is cut."""


class ShortRepr:
    """A base class for dataclasses with tensors: the `repr` is one short line with shapes instead of numbers.

    >>> import torch
    >>> from dataclasses import dataclass
    >>> @dataclass(repr=False)
    ... class Scored(ShortRepr):
    ...     scores: Tensor
    ...     threshold: float
    >>> Scored(torch.zeros(3, 2), 0.5)
    Scored(scores=float32 (3, 2), threshold=0.5)
    """

    def __repr__(self) -> str:
        visible = [each for each in fields(self) if each.repr]  # type: ignore[arg-type]  # a subclass is a dataclass
        shown = (f"{each.name}={_short(getattr(self, each.name))}" for each in visible)
        return f"{type(self).__name__}({', '.join(shown)})"


def _short(value: object) -> str:
    if isinstance(value, Tensor | np.ndarray):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, Mapping) and value:
        return f"{{{len(value)} by name: {_cut(', '.join(map(str, value)))}}}"
    if isinstance(value, tuple) and value:
        return f"({', '.join(map(_short, value[:3]))}{', …' if len(value) > 3 else ''})"
    return _cut(" ".join(repr(value).split()))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
