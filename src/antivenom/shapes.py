"""Tensor types with their shapes. The tests check them at every call; nothing else pays for them.

`n` is the number of rows, `m` of contributed (poisoned) rows, `shape` one row's own shape: channels, height
and width for images, features for tables.
"""

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
