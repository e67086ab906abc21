"""Label flips."""

from collections.abc import Iterator

import torch

from antivenom.attacks._attack import (
    Mode,
    OptionalCount,
    OptionalRate,
    choose,
    contribute,
    how_many,
    settle_rate,
    shortage,
)
from antivenom.data import Dataset, Goal, Poisoned
from antivenom.errors import SettingsError
from antivenom.goals.availability import Availability
from antivenom.goals.targeted import Targeted
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import Count, component
from antivenom.shapes import Chosen, Labels


@component
class LabelFlip:
    """Wrong labels on untouched rows: any other class, each as likely, or one class for another.

    Biggio, Nelson and Laskov, *Support vector machines under adversarial label noise* (2011).

    Args:
        rate: the poisoned share of the final training set; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        pairs: [class, the label it gets], any number of them; only rows of these classes are poisoned. Empty for a
            uniformly drawn other label on rows of any class.
        mode: whether poisoned rows replace the rows they are made from, or are appended.

    Raises:
        SettingsError: a class that the data has not, or too few eligible rows.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> poisoned = LabelFlip(count=20, pairs=((3, 5),)).poison(train, rng=Rng(0))
    >>> train.y[poisoned.rows].unique().tolist(), poisoned.y.unique().tolist()
    ([3], [5])
    """

    rate: OptionalRate = None
    count: OptionalCount = None
    pairs: tuple[tuple[Count, Count], ...] = ()
    mode: Mode = "replace"

    def __post_init__(self) -> None:
        settle_rate(self)
        sources = [source for source, _ in self.pairs]
        problems = [f"LabelFlip.pairs names class {s} more than once." for s in set(sources) if sources.count(s) > 1]
        problems += [f"LabelFlip.pairs maps class {a} to itself." for a, b in self.pairs if a == b]
        if problems:
            raise SettingsError(problems)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with wrong labels in it."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"LabelFlip {problem}" for problem in problems)
        rows = choose(data, self._eligible(data), how_many(data, self.rate, self.count, self.mode), rng.child("rows"))
        goal: Goal = Targeted(pairs=self.pairs) if self.pairs else Availability()
        return contribute(data, rows, x=None, y=self._labels(data, rows, rng), goal=goal, mode=self.mode)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        unknown = {number for pair in self.pairs for number in pair if number >= len(data.classes)}
        if unknown:
            yield f"has pairs with {sorted(unknown)}, but the classes are 0 to {len(data.classes) - 1}."
        elif short := shortage(self._eligible(data), how_many(data, self.rate, self.count, self.mode)):
            yield short
        if len(data.classes) < 2:
            yield "needs at least two classes."

    def _eligible(self, data: Dataset) -> Chosen:
        if not self.pairs:
            return torch.ones(len(data), dtype=torch.bool, device=data.device)
        sources = torch.tensor([source for source, _ in self.pairs], device=data.device)
        return torch.isin(data.y, sources)

    def _labels(self, data: Dataset, rows: torch.Tensor, rng: Rng) -> Labels:
        old, classes = data.y[rows], len(data.classes)
        if not self.pairs:
            return (old + 1 + rng.child("labels").keys(data.ids[rows]) % (classes - 1)) % classes
        new = torch.arange(classes, device=data.device)
        for source, target in self.pairs:
            new[source] = target
        return new[old]
