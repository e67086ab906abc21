"""Poison at random positions of the stream."""

import torch

from antivenom.arrivals._arrival import shuffled_by_role
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Ids, Positions, Roles


@component
class Spread:
    """The attacker's rows arrive one by one, at random positions over the whole stream.

    Args:
        repeats: the number of times that each row arrives, each time at another random position.

    >>> roles = torch.tensor([0, 0, 1, 0], dtype=torch.uint8)
    >>> sorted(Spread(repeats=2).arrange(roles, torch.arange(4), Rng(0)).tolist())
    [0, 1, 2, 2, 3]
    """

    repeats: AtLeastOne = 1

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Return positions of rows in the order in which they arrive."""
        clean, poison = shuffled_by_role(roles, ids, rng)
        arriving = poison.repeat(self.repeats)
        gaps = rng.child("where").keys(torch.arange(len(arriving), device=ids.device)) % (len(clean) + 1)
        positions = torch.sort(gaps, stable=True)
        keys = torch.cat([torch.arange(len(clean), device=ids.device) * 2 + 1, positions.values * 2])
        return torch.cat([clean, arriving[positions.indices]])[torch.argsort(keys, stable=True)]
