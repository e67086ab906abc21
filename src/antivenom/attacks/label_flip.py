"""Label flips."""

from collections.abc import Iterator

import torch

from antivenom.attacks.budget import PoisonBudget
from antivenom.data import Dataset, Goal, Poisoned
from antivenom.errors import SettingsError
from antivenom.goals.availability import Availability
from antivenom.goals.targeted import Targeted
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import Count, component
from antivenom.shapes import Chosen, Labels


@component
class LabelFlip(PoisonBudget):
    """Wrong labels on untouched rows: any other class, each as likely, or one class for another.

    Biggio, Nelson and Laskov, *Support vector machines under adversarial label noise* (2011).

    Args:
        pairs: [class, the label it gets], any number of them; only rows of these classes are poisoned. Empty for a
            uniformly drawn other label on rows of any class.

    Raises:
        SettingsError: a class that the data does not have, or too few eligible rows.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> poisoned = LabelFlip(count=20, pairs=((3, 5),)).poison(train, rng=Rng(0))
    >>> train.y[poisoned.rows].unique().tolist(), poisoned.y.unique().tolist()
    ([3], [5])
    """

    pairs: tuple[tuple[Count, Count], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        sources = [source for source, _ in self.pairs]
        problems = [f"LabelFlip.pairs names class {s} more than once." for s in set(sources) if sources.count(s) > 1]
        problems += [f"LabelFlip.pairs maps class {a} to itself." for a, b in self.pairs if a == b]
        if problems:
            raise SettingsError(problems)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with wrong labels in it."""
        rows = self.choose(data, rng)
        goal: Goal = Targeted(pairs=self.pairs) if self.pairs else Availability()
        return self.contribute(data, rows, y=self._labels(data, rows, rng), goal=goal)

    def eligible(self, data: Dataset) -> Chosen:
        """Rows of the classes that `pairs` names; all rows where it names none."""
        if not self.pairs:
            return super().eligible(data)
        return torch.isin(data.y, torch.tensor([source for source, _ in self.pairs], device=data.device))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        unknown = {number for pair in self.pairs for number in pair if number >= len(data.classes)}
        if unknown:
            yield f"has pairs with {sorted(unknown)}, but the classes are 0 to {len(data.classes) - 1}."
        else:
            yield from super().problems(data)
        if len(data.classes) < 2:
            yield "needs at least two classes."

    def _labels(self, data: Dataset, rows: torch.Tensor, rng: Rng) -> Labels:
        old, classes = data.y[rows], len(data.classes)
        if not self.pairs:
            return (old + 1 + rng.child("labels").keys(data.ids[rows]) % (classes - 1)) % classes
        new = torch.arange(classes, device=data.device)
        for source, target in self.pairs:
            new[source] = target
        return new[old]
