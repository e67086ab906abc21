"""A poisoned data set, and the truth about it: the rows that the attacker contributed."""

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
"""The role of a row: clean, poison that does harm, or a cover row that hides the poison."""


@runtime_checkable
class Scorer(Protocol):
    """An object that scores classes. A goal requires nothing else of a classifier."""

    def scores(self, x: Inputs) -> Scores:
        """Return class scores (n, classes) of rows (n, *shape). The class with the largest score is the prediction."""


@runtime_checkable
class Goal(Protocol):
    """The attacker's goal at test time, independent of the attack: a component, such as `Backdoor`."""

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """Return the share of attempts that succeed, in [0, 1], or None if the goal has no such rate."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Poisoned:
    """A data set and an attacker's changes. Use `Poisoned.replace` or `Poisoned.append` to make one.

    A defence never receives this object. It receives a `Dataset`.

    Args:
        base: the clean data.
        rows: the positions of the contributed rows in `data` (m). Positions below `len(base)` replace a row; the others
            are appended.
        x: the contributed rows (m, *shape), as stored.
        y: their labels (m).
        role: `POISON` or `COVER` for each contributed row (m), uint8. A contributed row may have unchanged pixels.
        origin: the position in `base` of the row that each was made from (m); -1 if there is none.
        goal: the attacker's goal.
        rounds: the contributed rows after each round of crafting (m, rounds, *shape), as stored; None if there were no
            rounds, or if they were not kept.
        figures: the figures that the attack reports.
        charts: the charts that the attack reports.
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

    def __post_init__(self) -> None:
        data, rows, x, rounds = self.base, self.rows, self.x, self.rounds
        for name, tensor in (("rows", rows), ("origin", self.origin), ("role", self.role)):
            kind = torch.uint8 if name == "role" else torch.int64
            if tensor.ndim != 1 or tensor.dtype != kind:
                raise DataError(f"{name} must be {kind}, of shape (m,); got {tensor.dtype} of {tuple(tensor.shape)}.")
        if x.ndim < 1 or not len(rows) == len(x) == self.y.numel() == len(self.role) == len(self.origin):
            raise DataError(f"Positions, x and y must have equal lengths; got {len(rows)}, {len(x)} and {len(self.y)}.")
        if x.dtype != data.x.dtype or x.shape[1:] != data.x.shape[1:]:
            raise DataError(
                f"Poison must have the type and shape of the data, {data.x.dtype} of {data.shape}; "
                f"got {x.dtype} of {tuple(x.shape[1:])}. Convert it with Dataset.encode."
            )
        if len(rows.unique()) != len(rows):
            raise DataError("Each row may be replaced only once; got a position twice.")
        _check_positions(rows, 0, len(data) + self.appended)
        _check_positions(self.origin, -1, len(data))
        if not torch.isin(self.role, torch.tensor([POISON, COVER], device=self.role.device)).all():
            raise DataError("The role of a contributed row must be POISON or COVER.")
        if rounds is not None and (
            rounds.ndim < 2 or len(rounds) != len(x) or rounds.dtype != x.dtype or rounds.shape[2:] != x.shape[1:]
        ):
            raise DataError(f"rounds must be {x.dtype} of shape (m, rounds, *{data.shape}); got {tuple(rounds.shape)}.")
        replace(data, x=x, y=self.y, ids=rows)  # raises an error for labels that are not classes

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
        """Replace some rows of the data. Without `x`, the inputs stay; without `y`, the labels stay.

        >>> import numpy as np
        >>> from antivenom.goals import Availability
        >>> data = Dataset.from_arrays(np.zeros((3, 2, 2), np.uint8), [0, 1, 0])
        >>> poisoned = Poisoned.replace(data, torch.tensor([1]), y=torch.tensor([0]), goal=Availability())
        >>> poisoned.data.y.tolist(), poisoned.roles.tolist(), round(poisoned.poison_rate, 2)
        ([0, 0, 0], [0, 1, 0], 0.33)
        """
        _check_positions(rows, 0, len(data))
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
        """Append rows to the data. `origin` is the position of the row that each was made from, or -1."""
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
            raise DataError(f"Positions, x and y must have equal lengths; got {len(rows)}, {len(x)} and {len(y)}.")
        return cls(base=data, rows=rows, x=x, y=y, role=role, origin=origin, goal=goal, rounds=rounds)

    @property
    def appended(self) -> int:
        """The number of appended rows."""
        return int((self.rows >= len(self.base)).sum())

    @property
    def poison_rate(self) -> float:
        """The share of poison in the final training set, in [0, 1]. Cover rows do not count."""
        return self._share(POISON)

    @property
    def cover_rate(self) -> float:
        """The share of cover rows (with the trigger and the true label) in the final training set, in [0, 1]."""
        return self._share(COVER)

    @property
    def is_poison(self) -> Chosen:
        """True for each row of `data` that is poison (n). Cover rows are not poison."""
        return self.roles == POISON

    def with_evidence(self, figures: tuple[Figure, ...] = (), charts: tuple[Chart, ...] = ()) -> "Poisoned":
        """Return a copy with more figures and charts of the attack."""
        return replace(self, figures=self.figures + figures, charts=self.charts + charts)

    def with_covers(self, rows: Positions, x: Rows, *, append: bool) -> "Poisoned":
        """Return a copy with cover rows, which keep the true labels of their clean rows.

        Args:
            rows: the positions of the clean rows (c). If `append` is false, poison must not replace any of them.
            x: the cover rows, as the data is stored (c, *shape).
            append: True to append the cover rows after data and poison; False to replace `rows`.
        """
        _check_positions(rows, 0, len(self.base))
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
        """Return up to `count` contributed rows with an origin, as positions in `rows`, one of each label in turn."""
        return spread_over(self.y, self.origin >= 0, count)

    def _share(self, role: int) -> float:
        return int((self.role == role).sum()) / max(1, len(self.base) + self.appended)

    @property
    def ids(self) -> Positions:
        """The ids of the contributed rows (m): ids of replaced rows, or new ids for appended rows."""
        return self._all_ids[self.rows]

    @cached_property
    def data(self) -> Dataset:
        """The training set of the victim."""
        return self._with(self.x, self.y)

    @cached_property
    def roles(self) -> Roles:
        """`CLEAN`, `POISON` or `COVER` for each row of `data` (n)."""
        roles = torch.zeros(len(self._all_ids), dtype=torch.uint8, device=self.base.device)
        roles[self.rows] = self.role
        return roles

    def control(self, rng: Rng) -> Dataset:
        """Return the training set of the control: clean data of the same length and with the same ids as the victim's.

        An appended row becomes the clean row that it was made from, or a random clean row.
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


def _check_positions(positions: Tensor, low: int, end: int) -> None:
    if len(positions) and not low <= int(positions.min()) <= int(positions.max()) < end:
        given = f"{int(positions.min())} to {int(positions.max())}"
        raise DataError(f"Positions must be from {low} to {end - 1}; got {given}.")
