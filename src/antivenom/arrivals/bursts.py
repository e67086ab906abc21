"""Poison in bursts."""

import torch

from antivenom.arrivals._arrival import insert_groups, shuffled_by_role
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Ids, Positions, Roles


@component
class Bursts:
    """The attacker's rows arrive in bursts of equal size, with equal numbers of clean rows before, between and after.

    Args:
        bursts: the number of bursts.
        repeats: the number of times that the rows of each burst arrive, one round after the other.

    >>> roles = torch.tensor([0, 0, 0, 0, 1, 1], dtype=torch.uint8)
    >>> order = Bursts(bursts=1).arrange(roles, torch.arange(6), Rng(0)).tolist()
    >>> sorted(order[2:4])
    [4, 5]
    """

    bursts: AtLeastOne = 5
    repeats: AtLeastOne = 1

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Return positions of rows in the order in which they arrive."""
        clean, poison = shuffled_by_role(roles, ids, rng)
        groups = [torch.cat([group] * self.repeats) for group in poison.tensor_split(self.bursts)]
        positions = [round(len(clean) * number / (self.bursts + 1)) for number in range(1, self.bursts + 1)]
        return insert_groups(clean, groups, positions)
