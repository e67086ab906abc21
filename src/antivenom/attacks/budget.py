"""The budget of an attack: how many rows it contributes, which rows, and where. All attacks share this code."""

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
"""The position of the attacker's rows: they replace other rows or are appended."""

DEFAULT_RATE = 0.1


@component
class PoisonBudget:
    """Base class of attacks that poison a share of the rows. It has the settings `rate`, `count` and `mode`.

    An attack overrides `eligible` if some rows cannot be poisoned, and `problems` if its own settings may not fit the
    data. Its `poison` calls `choose`, makes the new rows, and returns the result of `contribute`.

    Args:
        rate: the share of the final training set that is poison, in [0, 1]. The default is 0.1 if `count` is not set.
        count: the number of poisoned rows. Set either `rate` or `count`.
        mode: `replace` puts each poisoned row in the place of the row that it is made from; `append` appends it.

    Raises:
        SettingsError: both `rate` and `count` are set, or the rate leaves no clean rows.

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
            raise SettingsError([f"{name}.rate and count cannot both be set; got {self.rate} and {self.count}."])
        if self.rate is None and self.count is None:
            object.__setattr__(self, "rate", DEFAULT_RATE)
        if self.appends and (share := (self.rate or 0) + self.cover_share) >= 1:
            setting = "rate + cover_rate" if self.cover_share else "rate"
            raise SettingsError([f"{name}.{setting} must be below 1 in mode 'append'; got {share:g}."])

    @property
    def appends(self) -> bool:
        """True if the attacker's rows are appended to the data."""
        return self.mode == "append"

    @property
    def cover_share(self) -> float:
        """The share of cover rows in the final training set. An attack with cover rows inherits from `CoverBudget`."""
        return 0.0

    def eligible(self, data: Dataset) -> Chosen:
        """Return the rows that may be poisoned (n): all rows, unless an attack overrides this."""
        return every_row(data)

    def poison_count(self, data: Dataset) -> int:
        """Return the number of poisoned rows."""
        if self.rate is None:
            return self.count or 0
        share = self.rate / (1 - self.rate - self.cover_share) if self.appends else self.rate
        return round(share * len(data))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data, one sentence each, without its subject."""
        yield from unmet_needs(data, self.needs)
        yield from shortage(self.eligible(data), self.poison_count(data))

    def check(self, data: Dataset) -> None:
        """Check that the settings fit the data.

        Raises:
            SettingsError: they do not fit. The error lists all problems.
        """
        if problems := list(self.problems(data)):
            raise SettingsError(f"{type(self).__name__} {problem}" for problem in problems)

    def choose(self, data: Dataset, rng: Rng) -> Positions:
        """Draw the rows to poison (m), by id. A higher rate takes the same rows and more.

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
        """Return the data with poison that was made from `rows`: in their place or appended, as set by `mode`.

        Args:
            data: the clean data.
            rows: the positions of the rows that the poison was made from (m).
            goal: the goal of the attack.
            x: the poison, in the format in which the data is stored (m, *shape). If omitted, the rows themselves.
            y: the labels of the poison (m). If omitted, the labels of the rows.
            rounds: the poison after each round of its crafting (m, rounds, *shape).
        """
        x, y = data.x[rows] if x is None else x, data.y[rows] if y is None else y
        if self.appends:
            return Poisoned.append(data, x=x, y=y, goal=goal, origin=rows, rounds=rounds)
        return Poisoned.replace(data, rows, x=x, y=y, goal=goal, rounds=rounds)


@component
class CoverBudget(PoisonBudget):
    """Base class of attacks that also add cover rows, which carry the trigger and keep their true label.

    Its `poison` passes the result of `contribute` to `cover`, and returns the result. Override `coverable` if some rows
    cannot be cover rows. Override `cover_rate` to change its default.

    Args:
        cover_rate: the share of the final training set that is cover rows, in [0, 1]. They are not counted in `rate`.

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
        """Return the rows that may become cover rows if they are not poisoned (n): all rows, unless overridden."""
        return every_row(data)

    def cover_count(self, data: Dataset) -> int:
        """Return the number of cover rows."""
        if not self.appends:
            return round(self.cover_rate * len(data))
        return round(self.cover_rate * (len(data) + self.poison_count(data)) / (1 - self.cover_rate))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data, one sentence each, without its subject."""
        yield from super().problems(data)
        coverable, taken = self.coverable(data), int(self.coverable(data)[self.eligible(data)].sum())
        left = int(coverable.sum()) - min(self.poison_count(data), taken)
        if (covers := self.cover_count(data)) > left:
            yield f"needs {covers} cover rows; {left} of {len(data)} rows are left. Lower its cover_rate or rate."

    def choose_covers(self, data: Dataset, rows: Positions, rng: Rng) -> Positions:
        """Draw the rows to make cover rows from (c). None of them is poisoned."""
        left = self.coverable(data).clone()
        left[rows] = False
        return draw(data, left, self.cover_count(data), rng.child("covers"))

    def cover(self, poisoned: Poisoned, covers: Positions, *, x: Rows) -> Poisoned:
        """Return the poisoned data with cover rows `x` (c, *shape), made from the clean rows at `covers` (c)."""
        return poisoned.with_covers(covers, x, append=self.appends)


def every_row(data: Dataset) -> Chosen:
    """Return a mask that selects all rows (n)."""
    return torch.ones(len(data), dtype=torch.bool, device=data.device)


def draw(data: Dataset, eligible: Chosen, count: int, rng: Rng) -> Positions:
    """Draw `count` eligible rows by id and return their sorted positions. A higher count takes the same rows and more.

    Raises:
        SettingsError: too few rows are eligible.
    """
    if problems := list(shortage(eligible, count)):
        raise SettingsError(f"The attack {problem}" for problem in problems)
    order = rng.order(data.ids)
    return torch.sort(order[eligible[order]][:count]).values


def shortage(eligible: Chosen, count: int) -> Iterator[str]:
    """Yield one sentence if fewer than `count` rows are eligible."""
    if (available := int(eligible.sum())) < count:
        yield f"needs {count} rows; {available} of {len(eligible)} are eligible. Lower its rate or count."


def unknown_classes(data: Dataset, **numbers: int | None) -> Iterator[str]:
    """Yield one sentence for each class number that the data does not have. None means no class."""
    last = len(data.classes) - 1
    for name, number in numbers.items():
        if number is not None and number > last:
            yield f"has {name} {number}, but the classes are 0 to {last}."
