"""Poison during crafting: kept in floating point, within bounds and budget, and rounded for storage."""

from typing import Literal

import torch

from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.shapes import Inputs, Positions, Rows

Norm = Literal["linf", "l2"]


class Crafted:
    """Poison that starts as base rows and is moved step by step.

    A master copy in floating point adds up the moves, so that rounding does not lose small moves. The stored rows are
    rounded if the data is uint8. With a budget they are rounded towards the base rows, so that they never exceed it.

    Args:
        data: the clean data.
        rows: the positions of the base rows in the data (m).
        norm: the norm of the budget, over all pixels of a row.
        epsilon: the budget, as a share of the data's range; the range is 1 if the data has no bounds.

    Attributes:
        base: the base rows, as a classifier receives them (m, *shape).
        master: the poison before rounding (m, *shape).
    """

    def __init__(self, data: Dataset, rows: Positions, norm: Norm | None = None, epsilon: float | None = None) -> None:
        self.data, self.norm = data, norm
        self.low, self.high = data.bounds or (-torch.inf, torch.inf)
        span = 1.0 if data.bounds is None else self.high - self.low
        self.budget = None if epsilon is None else epsilon * span
        self.base = data.inputs(rows).clone()
        self.master = self.base.clone()

    def move(self, by: Inputs, chosen: slice | Positions = slice(None)) -> None:
        """Add a change to the master copy, and clip it to the bounds and the budget.

        Raises:
            SettingsError: a change contains NaN.
        """
        if bool(by.isnan().any()):
            raise SettingsError(["The gradient through the victim's step is not finite. Lower victim_learning_rate."])
        self.put(self.master[chosen] + by, chosen)

    def put(self, rows: Inputs, chosen: slice | Positions = slice(None)) -> None:
        """Replace the master copy by rows, clipped to the bounds and the budget."""
        change = rows.clamp(self.low, self.high) - self.base[chosen]
        if self.budget is not None and self.norm == "linf":
            change = change.clamp(-self.budget, self.budget)
        elif self.budget is not None:
            length = change.flatten(1).norm(dim=1).clamp_min(1e-12)
            change = change * (self.budget / length).clamp_max(1).view(-1, *(1 for _ in change.shape[1:]))
        self.master[chosen] = self.base[chosen] + change

    def stored(self, chosen: slice | Positions = slice(None)) -> Rows:
        """Return the poison in the format in which the data is stored."""
        if self.budget is None or self.data.x.dtype != torch.uint8:
            return self.data.encode(self.master[chosen].clone())
        base = self.data.encode(self.base[chosen].clone()).float()
        change = (self.master[chosen] - self.base[chosen]) * (255 / (self.high - self.low))
        return (base + (change + change.sign() * 1e-3).trunc()).to(torch.uint8)

    def decoded(self, chosen: slice | Positions = slice(None)) -> Inputs:
        """Return the poison as a classifier receives it after storage."""
        return self.data.decode(self.stored(chosen))
