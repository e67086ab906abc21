"""How many rows an attacker contributes, which ones, and where they stand: written once for all attacks."""

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset, Goal, Poisoned
from antivenom.data.needs import unmet_needs
from antivenom.errors import SettingsError
from antivenom.rng import Rng
from antivenom.settings import Count, Rate, component
from antivenom.shapes import Chosen, Labels, Positions, Rows

Mode = Literal["replace", "append"]
"""Whether the attacker's rows take the place of others or come after them."""

DEFAULT_RATE = 0.1


@component
class PoisonBudget:
    """What an attack inherits that poisons a share of the rows: the settings `rate`, `count` and `mode`.

    An attack overrides `eligible` where not every row can be poisoned, and `problems` where its own settings may not
    fit the data. Its `poison` calls `choose`, makes the new rows, and returns `contribute`.

    Args:
        rate: the poisoned share of the final training set, in [0, 1]; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        mode: whether poisoned rows `replace` the rows they are made from, or are appended (`append`).

    Raises:
        SettingsError: both `rate` and `count` are given, or the rate leaves no room for clean rows.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> PoisonBudget().poison_count(train), PoisonBudget(mode="append").poison_count(train)
    (135, 150)
    >>> len(PoisonBudget(count=20).choose(train, Rng(0)))
    20
    """

    needs = frozenset[str]()

    rate: Annotated[float, Interval(ge=0, le=1)] | None = None
    count: Count | None = None
    mode: Mode = "replace"

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.rate is not None and self.count is not None:
            raise SettingsError([f"{name}.rate and count exclude each other; got {self.rate} and {self.count}."])
        if self.rate is None and self.count is None:
            object.__setattr__(self, "rate", DEFAULT_RATE)
        if self.appends and (share := (self.rate or 0) + self.cover_share) >= 1:
            what = "rate and cover_rate together" if self.cover_share else "rate"
            raise SettingsError([f"{name}.{what} must be below 1 where rows are appended; got {share:g}."])

    @property
    def appends(self) -> bool:
        """Whether the attacker's rows come after the data's own."""
        return self.mode == "append"

    @property
    def cover_share(self) -> float:
        """The share of cover rows in the final training set; an attack with covers inherits `CoverBudget`."""
        return 0.0

    def eligible(self, data: Dataset) -> Chosen:
        """The rows that may be poisoned (n): all of them, unless an attack overrides this."""
        return every_row(data)

    def poison_count(self, data: Dataset) -> int:
        """How many rows are poisoned."""
        if self.rate is None:
            return self.count or 0
        share = self.rate / (1 - self.rate - self.cover_share) if self.appends else self.rate
        return round(share * len(data))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data, one sentence each, without its subject."""
        yield from unmet_needs(data, self.needs)
        yield from shortage(self.eligible(data), self.poison_count(data))

    def check(self, data: Dataset) -> None:
        """Refuse settings that do not fit the data.

        Raises:
            SettingsError: it lists all problems.
        """
        if problems := list(self.problems(data)):
            raise SettingsError(f"{type(self).__name__} {problem}" for problem in problems)

    def choose(self, data: Dataset, rng: Rng) -> Positions:
        """The rows to poison (m), drawn by id: a higher rate takes the same rows and more.

        Raises:
            SettingsError: the settings do not fit the data.
        """
        self.check(data)
        return draw(data, self.eligible(data), self.poison_count(data), rng.child("rows"))

    def contribute(
        self,
        data: Dataset,
        rows: Positions,
        *,
        goal: Goal,
        x: Rows | None = None,
        y: Labels | None = None,
        rounds: Tensor | None = None,
    ) -> Poisoned:
        """The data with poison that was made from `rows`, in their place or appended, as `mode` says.

        Args:
            data: the clean data.
            rows: the rows that poison was made from (m).
            goal: what the attacker wants.
            x: the poison as the data is stored (m, *shape); the rows themselves where left out.
            y: its labels (m); the rows' own where left out.
            rounds: the poison after each round of its crafting (m, rounds, *shape).
        """
        x, y = data.x[rows] if x is None else x, data.y[rows] if y is None else y
        if self.appends:
            return Poisoned.append(data, x=x, y=y, goal=goal, origin=rows, rounds=rounds)
        return Poisoned.replace(data, rows, x=x, y=y, goal=goal, rounds=rounds)


@component
class CoverBudget(PoisonBudget):
    """What an attack inherits that also hides behind cover rows: they carry the trigger and keep their true label.

    Its `poison` returns `cover` of what `contribute` gave. Override `coverable` where not every row can be a cover, and
    `cover_rate` to give it another default.

    Args:
        cover_rate: the share of cover rows in the final training set, in [0, 1]. They come on top of `rate`.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> budget = CoverBudget(rate=0.1, cover_rate=0.2)
    >>> rows = budget.choose(train, Rng(0))
    >>> covers = budget.choose_covers(train, rows, Rng(0))
    >>> len(rows), len(covers), len(set(rows.tolist()) & set(covers.tolist()))
    (135, 269, 0)
    """

    cover_rate: Rate = 0.1

    @property
    def cover_share(self) -> float:
        """The share of cover rows in the final training set."""
        return self.cover_rate

    def coverable(self, data: Dataset) -> Chosen:
        """The rows that may be covers (n), as far as they are not poisoned: all of them, unless overridden."""
        return every_row(data)

    def cover_count(self, data: Dataset) -> int:
        """How many cover rows there are."""
        if not self.appends:
            return round(self.cover_rate * len(data))
        return round(self.cover_rate * (len(data) + self.poison_count(data)) / (1 - self.cover_rate))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data, one sentence each, without its subject."""
        yield from super().problems(data)
        coverable, taken = self.coverable(data), int(self.coverable(data)[self.eligible(data)].sum())
        left = int(coverable.sum()) - min(self.poison_count(data), taken)
        if (wanted := self.cover_count(data)) > left:
            yield f"needs {wanted} cover rows; {left} of {len(data)} rows are left. Lower its cover_rate or rate."

    def choose_covers(self, data: Dataset, rows: Positions, rng: Rng) -> Positions:
        """The rows to make covers from (c): none of those that are poisoned."""
        left = self.coverable(data).clone()
        left[rows] = False
        return draw(data, left, self.cover_count(data), rng.child("covers"))

    def cover(self, poisoned: Poisoned, covers: Positions, *, x: Rows) -> Poisoned:
        """The same data and the cover rows `x` (c, *shape), made from the clean rows `covers`."""
        return poisoned.with_covers(covers, x, append=self.appends)


def every_row(data: Dataset) -> Chosen:
    """All rows (n)."""
    return torch.ones(len(data), dtype=torch.bool, device=data.device)


def draw(data: Dataset, eligible: Chosen, wanted: int, rng: Rng) -> Positions:
    """Sorted positions of `wanted` eligible rows, drawn by id: a higher number takes the same rows and more.

    Raises:
        SettingsError: too few rows are eligible.
    """
    if problems := list(shortage(eligible, wanted)):
        raise SettingsError(f"The attack {problem}" for problem in problems)
    order = rng.order(data.ids)
    return torch.sort(order[eligible[order]][:wanted]).values


def shortage(eligible: Chosen, wanted: int) -> Iterator[str]:
    """One sentence where fewer rows are eligible than wanted."""
    if (there := int(eligible.sum())) < wanted:
        yield f"needs {wanted} rows; {there} of {len(eligible)} are eligible. Lower its rate or count."


def unknown_classes(data: Dataset, **numbers: int | None) -> Iterator[str]:
    """One sentence for each class number that the data does not have; None stands for no class."""
    last = len(data.classes) - 1
    for name, number in numbers.items():
        if number is not None and number > last:
            yield f"has {name} {number}, but the classes are 0 to {last}."
