"""The arrival's protocol, and putting groups of rows into a stream."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.data import CLEAN
from antivenom.rng import Rng
from antivenom.shapes import Ids, Positions, Roles


@runtime_checkable
class Arrival(Protocol):
    """An order in which rows come in: a component, such as `Spread`. The runner asks it; a training sees no roles."""

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Positions of rows, in the order in which they come in; a row may come several times.

        Args:
            roles: `CLEAN`, `POISON` or `COVER` for each row (n).
            ids: each row's id (n).
            rng: the same stream, the same order of the clean rows, whoever else comes.
        """


@runtime_checkable
class RepeatedArrival(Arrival, Protocol):
    """An arrival in which each of the attacker's rows may come several times."""

    @property
    def repeats(self) -> int:
        """How many times each of them comes, at least 1."""


def repeats_of(arrival: Arrival | None) -> int:
    """How many times each of the attacker's rows comes; once where the arrival says nothing about it, or is None."""
    return arrival.repeats if isinstance(arrival, RepeatedArrival) else 1


def shuffled_by_role(roles: Roles, ids: Ids, rng: Rng) -> tuple[Positions, Positions]:
    """The clean rows and the contributed ones, each in an order of their own that depends on ids alone."""
    order = rng.child("arrival").order(ids)
    clean = roles[order] == CLEAN
    return order[clean], order[~clean]


def insert_groups(clean: Positions, groups: list[Tensor], places: list[int]) -> Positions:
    """The clean rows with each group put in before the clean row of that number.

    >>> insert_groups(torch.arange(4), [torch.tensor([9]), torch.tensor([8, 8])], [1, 4]).tolist()
    [0, 9, 1, 2, 3, 8, 8]
    """
    parts, last = [], 0
    for group, place in zip(groups, places, strict=True):
        parts += [clean[last:place], group]
        last = place
    return torch.cat([*parts, clean[last:]])
