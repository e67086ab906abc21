"""Tensor types with their shapes, and a short `repr` for what holds tensors.

The tests check the types at every call; nothing else pays for them. `n` is the number of rows, `m` of contributed
(poisoned) rows, `shape` one row's own shape: channels, height and width for images, features for tables.
"""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped, UInt8
from torch import Tensor

Rows = Shaped[Tensor, "n *shape"]
"""Rows as they are stored: uint8 for images, float32 for the rest."""

Inputs = Float[Tensor, "n *shape"]
"""Rows as a classifier takes them: float, within the data's bounds."""

Labels = Int64[Tensor, " n"]
Ids = Int64[Tensor, " n"]
Positions = Int64[Tensor, " _"]
Scores = Float[Tensor, "n classes"]
Counts = Int64[Tensor, "classes classes"]
Features = Float[Tensor, "n d"]
Chosen = Bool[Tensor, " n"]
Roles = UInt8[Tensor, " n"]

LONGEST = 200
"""A longer `repr` of a field is cut."""


class ShortRepr:
    """A base for dataclasses that hold tensors: their `repr` is one short line, and shows shapes, not numbers.

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
        kept = [each for each in fields(self) if each.repr]  # type: ignore[arg-type]  # a subclass is a dataclass
        shown = (f"{each.name}={_short(getattr(self, each.name))}" for each in kept)
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
