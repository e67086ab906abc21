"""A patch of fixed pixels."""

from typing import Literal

import torch

from antivenom.errors import DataError
from antivenom.settings import AtLeastOne, Count, Rate, component
from antivenom.shapes import Inputs


@component
class Patch:
    """A square of fixed pixels at a fixed position (Gu et al. 2017). In a table, it is the last columns of a row.

    Args:
        size: the side in pixels; in a table, the number of columns.
        position: a corner, the centre, or [row, column] of the upper left pixel. Only for images.
        value: from 0, the lower bound of the data, to 1, its upper bound. One value for all channels, or one for each.
        pattern: `solid`, or a `checkerboard` of `value` and 1 - `value`.

    Raises:
        DataError: the patch does not fit into the rows, or `value` has another number of channels.

    >>> Patch(size=1).apply(torch.zeros(1, 1, 2, 2), (0.0, 1.0)).tolist()
    [[[[0.0, 0.0], [0.0, 1.0]]]]
    """

    size: AtLeastOne = 3
    position: Literal["top_left", "top_right", "bottom_left", "bottom_right", "centre"] | tuple[Count, Count] = (
        "bottom_right"
    )
    value: Rate | tuple[Rate, ...] = 1.0
    pattern: Literal["solid", "checkerboard"] = "solid"

    def apply(self, x: Inputs, bounds: tuple[float, float]) -> Inputs:
        """Return rows (n, *shape) with the patch."""
        low, high = bounds
        patched = x.clone(memory_format=torch.contiguous_format)
        if x.ndim != 4:
            if self.position != "bottom_right":
                raise DataError(
                    f"Patch.position must be 'bottom_right' for a table, its last columns; got {self.position!r}."
                )
            if x[0:1].numel() < self.size and len(x):
                raise DataError(f"A patch of {self.size} columns does not fit into rows of {tuple(x.shape[1:])}.")
            patched.flatten(1)[:, -self.size :] = low + self._unit(x, 1)[0, 0] * (high - low)
            return patched
        row, column = self._corner(x.shape[2], x.shape[3])
        patched[:, :, row : row + self.size, column : column + self.size] = low + self._unit(x, x.shape[1]) * (
            high - low
        )
        return patched

    def _unit(self, x: Inputs, channels: int) -> torch.Tensor:
        """Return the patch with values from 0 to 1 (1 or channels, size, size)."""
        colour = torch.tensor(self.value, dtype=x.dtype, device=x.device).view(-1, 1, 1)
        if len(colour) not in (1, channels):
            raise DataError(f"Patch.value must be one number, or one for each channel ({channels}); got {len(colour)}.")
        square = colour.expand(-1, self.size, self.size)
        if self.pattern == "checkerboard":
            index = torch.arange(self.size, device=x.device)
            odd = (index[:, None] + index[None, :]) % 2 == 1
            square = torch.where(odd, 1 - square, square)
        return square

    def _corner(self, height: int, width: int) -> tuple[int, int]:
        down, right = height - self.size, width - self.size
        if isinstance(self.position, str):
            row = {"top": 0, "bottom": down, "centre": down // 2}[self.position.partition("_")[0]]
            column = {"left": 0, "right": right, "": right // 2}[self.position.partition("_")[2]]
        else:
            row, column = self.position
        if not (0 <= row <= down and 0 <= column <= right):
            raise DataError(
                f"A patch of side {self.size} at {self.position} does not fit into images of {height} × {width}."
            )
        return row, column
