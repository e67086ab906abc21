"""What the victim trains on, and the truth about it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.charts.data import Chart
from antivenom.charts.figure import Figure
from antivenom.data.dataset import Dataset
from antivenom.data.memmap import empty_rows, take_rows
from antivenom.data.spread import spread_over
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Inputs, Labels, Positions, Roles, Rows, Scores

CLEAN, POISON, COVER = 0, 1, 2
"""Who contributed a row: nobody; the attacker, to do harm; the attacker, to hide it."""


@runtime_checkable
class Scorer(Protocol):
    """Anything that scores classes: all that a goal needs of a classifier."""

    def scores(self, x: Inputs) -> Scores:
        """Class scores (n, classes) of rows (n, *shape); the largest is the prediction."""


@runtime_checkable
class Goal(Protocol):
    """What the attacker wants at test time, independent of how: a component, such as `Backdoor`."""

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """The share of attempts that succeed, in [0, 1]; None where the goal has no such rate."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Poisoned:
    """A data set and what an attacker did to it. Made by `Poisoned.replace` and `Poisoned.append` alone.

    A defence never receives one: it takes a `Dataset`.

    Args:
        base: the clean data.
        rows: where the contributed rows stand in `data` (m): below `len(base)` they replace a row, from there on
            they are appended.
        x: the contributed rows (m, *shape), as they are stored.
        y: their labels (m).
        role: `POISON` or `COVER` for each (m), uint8. It says who contributed the row, not whether its pixels differ.
        origin: the position in `base` of the row that each was made from (m); -1 where there is none.
        goal: what the attacker wants.
        rounds: the contributed rows after each round of crafting (m, rounds, *shape), as they are stored; None where
            there were no rounds, or where they were not kept.
        figures: what the attack reports of its own work.
        charts: what it shows of it.
    """

    base: Dataset
    rows: Positions
    x: Rows
    y: Tensor
    role: Roles
    origin: Positions
    goal: Goal
    rounds: Tensor | None = None
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    @classmethod
    def replace(
        cls,
        data: Dataset,
        rows: Positions,
        *,
        goal: Goal,
        x: Rows | None = None,
        y: Labels | None = None,
        role: int | Roles = POISON,
        rounds: Tensor | None = None,
    ) -> "Poisoned":
        """The attacker's rows in place of some of the data's; `x` or `y` left out stays as it is.

        >>> import numpy as np
        >>> from antivenom.goals import Availability
        >>> data = Dataset.from_arrays(np.zeros((3, 2, 2), np.uint8), [0, 1, 0])
        >>> poisoned = Poisoned.replace(data, torch.tensor([1]), y=torch.tensor([0]), goal=Availability())
        >>> poisoned.data.y.tolist(), poisoned.roles.tolist(), round(poisoned.poison_rate, 2)
        ([0, 0, 0], [0, 1, 0], 0.33)
        """
        _hold_within(rows, 0, len(data))
        return cls._made(
            data,
            rows,
            data.x[rows] if x is None else x,
            data.y[rows] if y is None else y,
            role,
            rows,
            goal,
            rounds,
        )

    @classmethod
    def append(
        cls,
        data: Dataset,
        *,
        x: Rows,
        y: Labels,
        goal: Goal,
        origin: Positions | None = None,
        role: int | Roles = POISON,
        rounds: Tensor | None = None,
    ) -> "Poisoned":
        """The attacker's rows after the data's own; `origin` says which of those each was made from."""
        rows = torch.arange(len(data), len(data) + len(x), device=data.device)
        origin = torch.full_like(rows, -1) if origin is None else origin
        return cls._made(data, rows, x, y, role, origin, goal, rounds)

    @classmethod
    def _made(
        cls,
        data: Dataset,
        rows: Tensor,
        x: Tensor,
        y: Tensor,
        role: int | Tensor,
        origin: Tensor,
        goal: Goal,
        rounds: Tensor | None,
    ) -> "Poisoned":
        if isinstance(role, int):
            role = torch.full((len(rows),), role, dtype=torch.uint8, device=data.device)
        if not len(rows) == len(x) == len(y) == len(role) == len(origin):
            raise DataError(f"{len(rows)} places, {len(x)} rows and {len(y)} labels do not match.")
        if x.dtype != data.x.dtype or x.shape[1:] != data.x.shape[1:]:
            raise DataError(
                f"Poison must be stored as the data is, {data.x.dtype} of {data.shape}; "
                f"got {x.dtype} of {tuple(x.shape[1:])}. Dataset.encode converts."
            )
        if len(rows.unique()) != len(rows):
            raise DataError("A row can be replaced once only.")
        _hold_within(origin, -1, len(data))
        if not torch.isin(role, torch.tensor([POISON, COVER], device=role.device)).all():
            raise DataError("A contributed row is POISON or COVER.")
        if rounds is not None and (len(rounds) != len(x) or rounds.dtype != x.dtype or rounds.shape[2:] != x.shape[1:]):
            raise DataError(f"Rounds must be rows by round, {x.dtype} of {data.shape}; got {tuple(rounds.shape)}.")
        poisoned = cls(base=data, rows=rows, x=x, y=y, role=role, origin=origin, goal=goal, rounds=rounds)
        replace(data, x=x, y=y, ids=rows)  # refuses labels that are no class
        return poisoned

    @property
    def appended(self) -> int:
        """How many rows stand after the data's own."""
        return int((self.rows >= len(self.base)).sum())

    @property
    def poison_rate(self) -> float:
        """The poisoned share of the final training set; cover rows do not count."""
        return self._share(POISON)

    @property
    def cover_rate(self) -> float:
        """The share of cover rows in the final training set: they carry the trigger and their true label."""
        return self._share(COVER)

    @property
    def is_poison(self) -> Chosen:
        """Which rows of `data` are poison (n); cover rows are not."""
        return self.roles == POISON

    def with_evidence(self, figures: tuple[Figure, ...] = (), charts: tuple[Chart, ...] = ()) -> "Poisoned":
        """The same with figures and charts that the attack reports."""
        return replace(self, figures=self.figures + figures, charts=self.charts + charts)

    def with_covers(self, rows: Positions, x: Rows, *, append: bool) -> "Poisoned":
        """The same and cover rows, which keep the true labels of the clean rows that they were made from.

        Args:
            rows: the clean rows (c), none of which is replaced by poison where covers take their place.
            x: the covers as the data is stored (c, *shape).
            append: whether they stand after the data's own rows and the poison, or in the place of `rows`.
        """
        _hold_within(rows, 0, len(self.base))
        first = len(self.base) + self.appended
        places = torch.arange(first, first + len(rows), device=rows.device) if append else rows
        rounds = self.rounds
        if rounds is not None:
            rounds = torch.cat([rounds, x.unsqueeze(1).expand(-1, rounds.shape[1], *x.shape[1:])])
        made = self._made(
            self.base,
            torch.cat([self.rows, places]),
            torch.cat([self.x, x]),
            torch.cat([self.y, self.base.y[rows]]),
            torch.cat([self.role, torch.full((len(rows),), COVER, dtype=torch.uint8, device=rows.device)]),
            torch.cat([self.origin, rows]),
            self.goal,
            rounds,
        )
        return made.with_evidence(self.figures, self.charts)

    def examples(self, count: int) -> Positions:
        """Up to `count` contributed rows that have an origin, as positions in `rows`, one of each label in turn."""
        return spread_over(self.y, self.origin >= 0, count)

    def _share(self, role: int) -> float:
        return int((self.role == role).sum()) / max(1, len(self.base) + self.appended)

    @property
    def ids(self) -> Positions:
        """The ids of the contributed rows (m): those of the rows they replace, or new ones."""
        return self._all_ids[self.rows]

    @cached_property
    def data(self) -> Dataset:
        """What the victim trains on."""
        return self._with(self.x, self.y)

    @cached_property
    def roles(self) -> Roles:
        """`CLEAN`, `POISON` or `COVER` for each row of `data` (n)."""
        roles = torch.zeros(len(self._all_ids), dtype=torch.uint8, device=self.base.device)
        roles[self.rows] = self.role
        return roles

    def control(self, rng: Rng) -> Dataset:
        """What the twin trains on: the clean data, as long as the victim's and with the same ids.

        In the place of an appended row stands the clean row that it was made from, or any clean row.
        """
        if not self.appended:
            return self.base
        stand_in = torch.where(self.origin >= 0, self.origin, rng.keys(self.ids) % len(self.base))
        return self._with(take_rows(self.base.x, stand_in), self.base.y[stand_in])

    def __repr__(self) -> str:
        counts = [f"{int((self.role == POISON).sum())} poison"]
        counts += [f"{covers} cover"] if (covers := int((self.role == COVER).sum())) else []
        where = "appended" if self.appended else "in place"
        return f"Poisoned({len(self.data)} rows: {' and '.join(counts)} {where}, {self.poison_rate:.1%}; {self.goal})"

    @cached_property
    def _all_ids(self) -> Tensor:
        if not self.appended:
            return self.base.ids
        first = int(self.base.ids.max()) + 1 if len(self.base) else 0
        new = torch.arange(first, first + self.appended, device=self.base.device)
        return torch.cat([self.base.ids, new])

    def _with(self, x: Tensor, y: Tensor) -> Dataset:
        base, count = self.base, len(self.base) + self.appended
        on_cpu = base.device.type == "cpu"
        all_x = empty_rows(count, base.shape, base.x.dtype) if on_cpu else base.x.new_empty(count, *base.shape)
        all_x[: len(base)] = base.x
        all_y = torch.cat([base.y, base.y.new_empty(self.appended)])
        all_x[self.rows], all_y[self.rows] = x, y
        return replace(base, x=all_x, y=all_y, ids=self._all_ids)


def _hold_within(positions: Tensor, low: int, end: int) -> None:
    if len(positions) and not low <= int(positions.min()) <= int(positions.max()) < end:
        raise DataError(f"Positions must be from 0 to {end - 1}; got {int(positions.min())} to {int(positions.max())}.")
