"""Random noise."""

from collections.abc import Iterator

import torch

from antivenom.attacks.budget import PoisonBudget
from antivenom.data import Dataset, Poisoned
from antivenom.data.dataset import LARGEST
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import NonNegative, component


@component
class RandomNoise(PoisonBudget):
    """Gaussian noise on some rows, which keep their true labels: the weakest poison, to measure others against.

    Args:
        std: the noise's standard deviation, as a share of the data's range (of 1 where the data has no bounds). What
            leaves the bounds is clipped.

    Raises:
        SettingsError: too few rows.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> poisoned = RandomNoise(rate=0.5).poison(train, rng=Rng(0))
    >>> bool((poisoned.y == train.y[poisoned.rows]).all())
    True
    """

    std: NonNegative = 0.5

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with noisy rows in it."""
        rows = self.choose(data, rng)
        low, high = data.bounds or (0.0, 1.0)
        inputs = data.inputs(rows)
        noise = torch.randn(inputs.shape, generator=rng.child("noise").generator()).to(data.device)
        x = data.encode(inputs + noise * (self.std * (high - low)))
        return self.contribute(data, rows, x=x, goal=Availability())

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings do not fit the data."""
        if data.bounds is None and self.std > LARGEST:
            yield f"has std {self.std:g}, which is more than rows of float32 can hold."
        yield from super().problems(data)
