"""Random noise."""

from collections.abc import Iterator

import torch

from antivenom.attacks.budget import PoisonBudget
from antivenom.data import Dataset, Poisoned
from antivenom.data.bounds import LARGEST
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.models.batches import input_batches, rows_within
from antivenom.rng import Rng
from antivenom.settings import NonNegative, component

ROWS_PER_DRAW = 16
"""torch draws normal numbers in blocks of 16. Batches of a multiple of 16 rows get the numbers of a single draw."""


@component
class RandomNoise(PoisonBudget):
    """Gaussian noise on some rows, which keep their true labels. This weak attack is a baseline for other attacks.

    Args:
        std: the standard deviation of the noise, as a share of the data's range. The range is 1 if the data has no
            bounds. Rows are clipped to the bounds.

    Raises:
        SettingsError: too few rows are eligible.

    >>> from antivenom.data.sources import load
    >>> train = load("digits").train
    >>> poisoned = RandomNoise(rate=0.5).poison(train, rng=Rng(0))
    >>> bool((poisoned.y == train.y[poisoned.rows]).all())
    True
    """

    std: NonNegative = 0.5

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """Return the data with noisy rows."""
        rows = self.choose(data, rng)
        low, high = data.bounds or (0.0, 1.0)
        x, generator = data.x.new_empty(len(rows), *data.shape), rng.child("noise").generator()
        most = rows_within(data.shape, max(1, len(rows)))
        if most < len(rows):
            most = max(1, most // ROWS_PER_DRAW * ROWS_PER_DRAW)
        for part, inputs in input_batches(data, rows, most=most):
            noise = torch.randn(inputs.shape, generator=generator).to(data.device)
            x[part] = data.encode(inputs + noise * (self.std * (high - low)))
        return self.contribute(data, rows, x=x, goal=Availability())

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the data."""
        if data.bounds is None and self.std > LARGEST:
            yield f"has std {self.std:g}, but rows are float32, whose largest value is {LARGEST:g}. Lower std."
        yield from super().problems(data)
