"""Poison at one point of the stream."""

import torch

from antivenom.arrivals._arrival import insert_groups, shuffled_by_role
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Rate, component
from antivenom.shapes import Ids, Positions, Roles


@component
class AtPoint:
    """All of the attacker's rows arrive together, at one point of the stream.

    Args:
        point: the share of the clean rows that arrive before them.
        repeats: the number of times that all of them arrive, one round after the other.

    >>> roles = torch.tensor([0, 1, 0, 1], dtype=torch.uint8)
    >>> order = AtPoint(point=0, repeats=2).arrange(roles, torch.arange(4), Rng(0)).tolist()
    >>> sorted(order[:2]), sorted(order[2:4]), sorted(order[4:])
    ([1, 3], [1, 3], [0, 2])
    """

    point: Rate = 0.5
    repeats: AtLeastOne = 1

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Return positions of rows in the order in which they arrive."""
        clean, poison = shuffled_by_role(roles, ids, rng)
        return insert_groups(clean, [torch.cat([poison] * self.repeats)], [round(self.point * len(clean))])
