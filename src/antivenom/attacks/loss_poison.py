"""The rows that a model finds hardest."""

from collections.abc import Iterator

import torch

from antivenom.attacks._attack import (
    Mode,
    OptionalCount,
    OptionalRate,
    choose,
    everything,
    how_many,
    settle_rate,
    shortage,
)
from antivenom.data import Dataset, Poisoned
from antivenom.errors import CapabilityError, SettingsError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier, row_losses
from antivenom.rng import Rng
from antivenom.settings import component


@component
class LossPoison:
    """The training rows of the highest loss, with their own labels, once more: poison that nobody has to make.

    The loss is the surrogate's, a model that was trained for some epochs: how many is the surrogate's own setting,
    `surrogate: {training: {name: end_to_end, epochs: 3}}`.

    Args:
        rate: the poisoned share of the final training set; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        mode: whether they take the place of other rows, drawn from the rest, or are appended.

    Raises:
        SettingsError: too few rows.
        CapabilityError: no surrogate.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> train = load("digits").train
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> poisoned = LossPoison(count=20).poison(train, rng=Rng(0), surrogate=model)
    >>> poisoned.appended, len(poisoned.data)
    (20, 1367)
    """

    needs = frozenset({"surrogate"})

    rate: OptionalRate = None
    count: OptionalCount = None
    mode: Mode = "append"

    def __post_init__(self) -> None:
        settle_rate(self)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with its hardest rows in it once more."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"LossPoison {problem}" for problem in problems)
        if surrogate is None:
            raise CapabilityError("LossPoison needs a model to take the loss from. Pass surrogate=, a classifier.")
        wanted = how_many(data, self.rate, self.count, self.mode)
        losses = row_losses(surrogate, data)
        ties = rng.child("ties").order(data.ids)
        hardest = ties[torch.argsort(losses[ties], descending=True, stable=True)][:wanted]
        goal = Availability()
        if self.mode == "append":
            return Poisoned.append(data, x=data.x[hardest], y=data.y[hardest], goal=goal, origin=hardest)
        others = everything(data)
        others[hardest] = False
        rows = choose(data, others, wanted, rng.child("rows"))
        return Poisoned.replace(data, rows, x=data.x[hardest], y=data.y[hardest], goal=goal)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        wanted = how_many(data, self.rate, self.count, self.mode)
        if short := shortage(everything(data), wanted):
            yield short
        elif self.mode == "replace" and 2 * wanted > len(data):
            yield f"wants {wanted} rows in the place of others; of {len(data)} rows it can take half at most."
