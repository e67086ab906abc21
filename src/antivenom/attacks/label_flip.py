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
from antivenom.settings import ClassNumber, component
from antivenom.shapes import Chosen, Labels


@component
class LabelFlip(PoisonBudget):
    """Rows with wrong labels and unchanged content. The wrong label is uniform over other classes, or set by `pairs`.

    Biggio, Nelson and Laskov, *Support vector machines under adversarial label noise* (2011).

    Args:
        pairs: pairs of [class, wrong label]. Only rows of these classes are poisoned. If empty, rows of all classes are
            poisoned, each with another label drawn uniformly.

    Raises:
        SettingsError: the data does not have a class, or too few rows are eligible.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> poisoned = LabelFlip(count=20, pairs=((3, 5),)).poison(train, rng=Rng(0))
    >>> train.y[poisoned.rows].unique().tolist(), poisoned.y.unique().tolist()
    ([3], [5])
    """

    pairs: tuple[tuple[ClassNumber, ClassNumber], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        sources = [source for source, _ in self.pairs]
        problems = [f"LabelFlip.pairs contains class {s} more than once." for s in set(sources) if sources.count(s) > 1]
        problems += [f"LabelFlip.pairs maps class {a} to itself." for a, b in self.pairs if a == b]
        if problems:
            raise SettingsError(problems)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """Return the data with wrong labels."""
        rows = self.choose(data, rng)
        goal: Goal = Targeted(pairs=self.pairs) if self.pairs else Availability()
        return self.contribute(data, rows, y=self._labels(data, rows, rng), goal=goal)

    def eligible(self, data: Dataset) -> Chosen:
        """Return the rows that may be poisoned (n): rows of the classes in `pairs`, or all rows if it is empty."""
        if not self.pairs:
            return super().eligible(data)
        return torch.isin(data.y, torch.tensor([source for source, _ in self.pairs], device=data.device))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data."""
        unknown = {number for pair in self.pairs for number in pair if number >= len(data.classes)}
        if unknown:
            yield f"has classes {sorted(unknown)} in pairs, but the classes are 0 to {len(data.classes) - 1}."
        else:
            yield from super().problems(data)
        if len(data.classes) < 2:
            yield f"needs at least 2 classes; the data has {len(data.classes)}."

    def _labels(self, data: Dataset, rows: torch.Tensor, rng: Rng) -> Labels:
        old, classes = data.y[rows], len(data.classes)
        if not self.pairs:
            return (old + 1 + rng.child("labels").keys(data.ids[rows]) % (classes - 1)) % classes
        new = torch.arange(classes, device=data.device)
        for source, target in self.pairs:
            new[source] = target
        return new[old]
