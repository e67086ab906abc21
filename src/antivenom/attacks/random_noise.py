"""Random noise."""

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
from antivenom.data import Dataset, Poisoned
from antivenom.data.dataset import LARGEST
from antivenom.errors import SettingsError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import NonNegative, component
from antivenom.shapes import Chosen


@component
class RandomNoise:
    """Gaussian noise on some rows, which keep their true labels: the weakest poison, to measure others against.

    Args:
        rate: the poisoned share of the final training set; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        std: the noise's standard deviation, as a share of the data's range (of 1 where the data has no bounds). What
            leaves the bounds is clipped.
        mode: whether poisoned rows replace the rows they are made from, or are appended.

    Raises:
        SettingsError: too few rows.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> poisoned = RandomNoise(rate=0.5).poison(train, rng=Rng(0))
    >>> bool((poisoned.y == train.y[poisoned.rows]).all())
    True
    """

    rate: OptionalRate = None
    count: OptionalCount = None
    std: NonNegative = 0.5
    mode: Mode = "replace"

    def __post_init__(self) -> None:
        settle_rate(self)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with noisy rows in it."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"RandomNoise {problem}" for problem in problems)
        rows = choose(data, self._eligible(data), how_many(data, self.rate, self.count, self.mode), rng.child("rows"))
        low, high = data.bounds or (0.0, 1.0)
        inputs = data.inputs(rows)
        noise = torch.randn(inputs.shape, generator=rng.child("noise").generator()).to(data.device)
        x = data.encode(inputs + noise * (self.std * (high - low)))
        return contribute(data, rows, x=x, y=None, goal=Availability(), mode=self.mode)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        low, high = data.bounds or (0.0, 1.0)
        if data.bounds is None and self.std * (high - low) > LARGEST:
            yield f"has std {self.std:g}, which is more than rows of float32 can hold."
        if short := shortage(self._eligible(data), how_many(data, self.rate, self.count, self.mode)):
            yield short

    def _eligible(self, data: Dataset) -> Chosen:
        return torch.ones(len(data), dtype=torch.bool, device=data.device)
