"""Poison all along."""

import torch

from antivenom.arrivals._arrival import shuffled_by_role
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Ids, Positions, Roles


@component
class Spread:
    """The attacker's rows come one by one, at random places all along the stream.

    Args:
        repeats: how many times each of them comes, each time at a place of its own.

    >>> roles = torch.tensor([0, 0, 1, 0], dtype=torch.uint8)
    >>> sorted(Spread(repeats=2).arrange(roles, torch.arange(4), Rng(0)).tolist())
    [0, 1, 2, 2, 3]
    """

    repeats: AtLeastOne = 1

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """The order in which rows come in."""
        clean, poison = shuffled_by_role(roles, ids, rng)
        coming = poison.repeat(self.repeats)
        where = rng.child("where").keys(torch.arange(len(coming), device=ids.device)) % (len(clean) + 1)
        places = torch.sort(where, stable=True)
        every = torch.cat([torch.arange(len(clean), device=ids.device) * 2 + 1, places.values * 2])
        return torch.cat([clean, coming[places.indices]])[torch.argsort(every, stable=True)]
