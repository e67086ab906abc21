"""BadNets."""

from collections.abc import Iterator
from typing import Annotated

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
from antivenom.data import Dataset, Poisoned
from antivenom.errors import DataError, SettingsError
from antivenom.goals.backdoor import Backdoor
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import Component, Count, component
from antivenom.shapes import Chosen
from antivenom.triggers import Trigger
from antivenom.triggers.patch import Patch


@component
class BadNets:
    """A trigger in some rows, with the target's label: the model learns to obey the trigger.

    Gu, Dolan-Gavitt and Garg, *BadNets: Identifying vulnerabilities in the machine learning model supply chain*
    (2017). Rows of the target class are not poisoned, as they would teach nothing.

    Args:
        rate: the poisoned share of the final training set; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        target: the class that triggered rows shall be taken for.
        source: the only class whose rows are poisoned; null for all.
        trigger: what is put into a row.
        mode: whether poisoned rows replace the rows they are made from, or are appended.

    Raises:
        SettingsError: a class that the data has not, or too few eligible rows.

    >>> from antivenom.data.sources import load
    >>> poisoned = BadNets(rate=0.1, target=7).poison(load("digits").train, rng=Rng(0))
    >>> len(poisoned.rows), poisoned.y.unique().tolist()
    (135, [7])
    """

    rate: OptionalRate = None
    count: OptionalCount = None
    target: Count = 0
    source: Count | None = None
    trigger: Annotated[Trigger, Component("triggers")] = Patch()
    mode: Mode = "replace"

    def __post_init__(self) -> None:
        settle_rate(self)
        if self.source == self.target:
            raise SettingsError([f"BadNets.source must differ from target; both are {self.target}."])

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with triggered rows in it."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"BadNets {problem}" for problem in problems)
        rows = choose(data, self._eligible(data), how_many(data, self.rate, self.count, self.mode), rng.child("rows"))
        goal = Backdoor(trigger=self.trigger, target=self.target, source=self.source)
        return contribute(
            data,
            rows,
            x=goal.triggered(data.subset(rows)).x,
            y=torch.full_like(rows, self.target),
            goal=goal,
            mode=self.mode,
        )

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        for name, number in (("target", self.target), ("source", self.source)):
            if number is not None and number >= len(data.classes):
                yield f"has {name} {number}, but the classes are 0 to {len(data.classes) - 1}."
                return
        if data.bounds is None:
            yield "needs to know the range of the data. Give the data set bounds."
        else:
            try:
                self.trigger.apply(data.inputs(slice(0, 1)), data.bounds)
            except DataError as error:
                yield f"cannot put its trigger into the data: {error}"
        if short := shortage(self._eligible(data), how_many(data, self.rate, self.count, self.mode)):
            yield short

    def _eligible(self, data: Dataset) -> Chosen:
        return (data.y != self.target) if self.source is None else (data.y == self.source)
