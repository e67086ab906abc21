"""Rows while they are being crafted: as fine as numbers allow, within bounds and budget, and as they will be stored."""

from typing import Literal

import torch

from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.shapes import Inputs, Positions, Rows

Norm = Literal["linf", "l2"]


class Crafted:
    """Poison that grows out of base rows.

    Moves add up in a float master copy, so that what rounding takes from one move is not lost to the next. What is
    stored is rounded where the data is uint8, towards the base where there is a budget: it can never leave it.

    Args:
        data: the data.
        rows: the base rows' positions in it (m).
        norm: the budget's norm, over all pixels of a row.
        epsilon: the budget, as a share of the data's range (of 1 where it has no bounds).

    Attributes:
        base: the base rows, as a classifier takes them (m, *shape).
        master: the poison, before rounding (m, *shape).
    """

    def __init__(self, data: Dataset, rows: Positions, norm: Norm | None = None, epsilon: float | None = None) -> None:
        self.data, self.norm = data, norm
        self.low, self.high = data.bounds or (-torch.inf, torch.inf)
        span = 1.0 if data.bounds is None else self.high - self.low
        self.budget = None if epsilon is None else epsilon * span
        self.base = data.inputs(rows).clone()
        self.master = self.base.clone()

    def move(self, by: Inputs, chosen: slice | Positions = slice(None)) -> None:
        """Add to the master, and bring it back within bounds and budget.

        Raises:
            SettingsError: a move is no number.
        """
        if bool(by.isnan().any()):
            raise SettingsError(["The victim's step has no finite gradient. Lower victim_learning_rate."])
        self.put(self.master[chosen] + by, chosen)

    def put(self, rows: Inputs, chosen: slice | Positions = slice(None)) -> None:
        """Replace the master, brought back within bounds and budget."""
        change = rows.clamp(self.low, self.high) - self.base[chosen]
        if self.budget is not None and self.norm == "linf":
            change = change.clamp(-self.budget, self.budget)
        elif self.budget is not None:
            length = change.flatten(1).norm(dim=1).clamp_min(1e-12)
            change = change * (self.budget / length).clamp_max(1).view(-1, *(1 for _ in change.shape[1:]))
        self.master[chosen] = self.base[chosen] + change

    def stored(self, chosen: slice | Positions = slice(None)) -> Rows:
        """The poison as the data is stored."""
        if self.budget is None or self.data.x.dtype != torch.uint8:
            return self.data.encode(self.master[chosen].clone())
        base = self.data.encode(self.base[chosen].clone()).float()
        change = (self.master[chosen] - self.base[chosen]) * (255 / (self.high - self.low))
        return (base + (change + change.sign() * 1e-3).trunc()).to(torch.uint8)

    def decoded(self, chosen: slice | Positions = slice(None)) -> Inputs:
        """The poison as a classifier will see it once it has been stored."""
        return self.data.decode(self.stored(chosen))
