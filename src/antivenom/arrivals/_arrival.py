"""The contract of arrivals, and functions that insert groups of rows into a stream."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.calling import whole_numbers_from
from antivenom.data import CLEAN
from antivenom.rng import Rng
from antivenom.shapes import Ids, Positions, Roles


@runtime_checkable
class Arrival(Protocol):
    """A component that sets the order in which rows arrive, such as `Spread`. Only the runner knows the roles."""

    def arrange(self, roles: Roles, ids: Ids, rng: Rng) -> Positions:
        """Return positions of rows in the order in which they arrive. A row may arrive several times.

        Args:
            roles: `CLEAN`, `POISON` or `COVER` for each row (n).
            ids: the id of each row (n).
            rng: the random stream. With the same stream, clean rows have the same order for any set of other rows.
        """


@runtime_checkable
class RepeatedArrival(Arrival, Protocol):
    """An arrival in which each of the attacker's rows may arrive several times."""

    @property
    def repeats(self) -> int:
        """The number of times that each of them arrives, at least 1."""


def repeats_of(arrival: Arrival | None) -> int:
    """Return how many times each of the attacker's rows arrives: 1 unless the arrival is a `RepeatedArrival`."""
    return arrival.repeats if isinstance(arrival, RepeatedArrival) else 1


def arranged(part: object, contract: Callable[..., Any], roles: Roles, ids: Ids, rng: Rng) -> Positions:
    """Return the order in which rows arrive, from an arrival or a training on a stream.

    Args:
        part: the arrival or the training.
        contract: its method, `Arrival.arrange` or `StreamTraining.arrange`.
        roles: `CLEAN`, `POISON` or `COVER` for each row (n).
        ids: the id of each row (n).
        rng: the random stream.

    Raises:
        ComponentError: the method raises an exception, or does not return positions of rows.
    """
    return whole_numbers_from(part, contract, "positions", len(ids), roles, ids, rng)


def shuffled_by_role(roles: Roles, ids: Ids, rng: Rng) -> tuple[Positions, Positions]:
    """Return the clean rows and the attacker's rows, each in a random order that depends only on their ids."""
    order = rng.child("arrival").order(ids)
    clean = roles[order] == CLEAN
    return order[clean], order[~clean]


def insert_groups(clean: Positions, groups: list[Tensor], positions: list[int]) -> Positions:
    """Return the clean rows with each group inserted before the clean row at the given position.

    >>> insert_groups(torch.arange(4), [torch.tensor([9]), torch.tensor([8, 8])], [1, 4]).tolist()
    [0, 9, 1, 2, 3, 8, 8]
    """
    parts, last = [], 0
    for group, position in zip(groups, positions, strict=True):
        parts += [clean[last:position], group]
        last = position
    return torch.cat([*parts, clean[last:]])
