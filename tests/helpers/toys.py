"""Small things that tests name by import path."""

from typing import Literal

import torch

from antivenom.attacks import CoverBudget
from antivenom.data import COVER, POISON, Dataset, Poisoned
from antivenom.goals import Availability, Backdoor
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import Count, Rate, component
from antivenom.shapes import Chosen
from antivenom.testing import toy_network as small_net
from antivenom.triggers import Patch

__all__ = ["Covered", "FaultyAttack", "Told", "small_net"]


@component
class FaultyAttack:
    """Breaks one promise, to see that a check can fail."""

    fault: Literal[
        "writes into the data",
        "draws from the global stream",
        "ignores its stream",
        "ignores its rate",
        "does nothing",
        "appends without saying so",
        "gives covers a wrong label",
        "counts covers as poison",
        "leaves the bounds",
        "converts all rows",
        "none",
    ] = "none"
    rate: Rate = 0.2
    cover_rate: Rate = 0.0
    appends = False

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        stream = Rng(0) if self.fault == "ignores its stream" else rng
        rate = 0.5 if self.fault == "ignores its rate" else self.rate
        rows = stream.order(data.ids)[: round(rate * len(data))]
        if self.fault == "converts all rows":
            data.inputs()
        if self.fault == "writes into the data":
            data.y[0] += 1
        if self.fault == "draws from the global stream":
            torch.rand(1)
        y = data.y[rows] if self.fault == "does nothing" else (data.y[rows] + 1) % len(data.classes)
        if self.fault == "appends without saying so":
            return Poisoned.append(data, x=data.x[rows], y=y, goal=Availability())
        if self.fault == "leaves the bounds" and data.x.is_floating_point():
            return Poisoned.replace(data, rows, x=data.x[rows] + 5, y=y, goal=Availability())
        return self._covered(Poisoned.replace(data, rows, y=y, goal=Availability()), stream)

    def _covered(self, poisoned: Poisoned, rng: Rng) -> Poisoned:
        data = poisoned.base
        free = rng.order(data.ids)[len(poisoned.rows) :][: round(self.cover_rate * len(data))]
        wrong = self.fault == "gives covers a wrong label"
        y = (data.y[free] + 1) % len(data.classes) if wrong else data.y[free]
        role = POISON if self.fault == "counts covers as poison" else COVER
        roles = torch.cat([poisoned.role, torch.full((len(free),), role, dtype=torch.uint8)])
        rows, labels = torch.cat([poisoned.rows, free]), torch.cat([poisoned.y, y])
        return Poisoned.replace(data, rows, y=labels, role=roles, goal=poisoned.goal)


@component
class Covered(CoverBudget):
    """A backdoor that hides behind covers: rows with a smaller patch, which keep their true labels."""

    needs = frozenset({"bounds"})

    target: Count = 0
    cover_rate: Rate = 0.2

    def eligible(self, data: Dataset) -> Chosen:
        return data.y != self.target

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        rows = self.choose(data, rng)
        covers = self.choose_covers(data, rows, rng)
        goal = Backdoor(trigger=Patch(size=2), target=self.target)
        x, y = goal.triggered(data.subset(rows)).x, torch.full_like(rows, self.target)
        near = Backdoor(trigger=Patch(size=1), target=self.target).triggered(data.subset(covers)).x
        return self.cover(self.contribute(data, rows, x=x, y=y, goal=goal), covers, x=near)


class Told:
    """A classifier that takes each row for the class that its first number says."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot(x[:, 0].long(), self.classes).float()
