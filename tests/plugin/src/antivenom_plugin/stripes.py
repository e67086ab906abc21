"""A generated data set."""

from pathlib import Path

import torch

from antivenom import Dataset, Rng, Splits
from antivenom.settings import AtLeastOne, component


@component
class Stripes:
    """Images of 6 × 6 pixels in four classes. Each class has a bright stripe at another height, with noise.

    Args:
        rows: the number of images.
        seed: the seed of the noise.
    """

    rows: AtLeastOne = 480
    seed: int = 0

    def load(self, on_progress: object = None) -> Splits:
        """Both splits, three rows in four for training."""
        y = torch.arange(self.rows) % 4
        noise = torch.rand(self.rows, 1, 6, 6, generator=Rng(self.seed).child("stripes").generator())
        x = (noise * 100).to(torch.uint8)
        for label in range(4):
            x[y == label, :, label + 1] += 120
        data = Dataset.from_arrays(x, y, classes=("one", "two", "three", "four"))
        return data.split(0.25, Rng(self.seed).child("split"))

    def files(self) -> tuple[Path, ...]:
        """Return no files, because the data set is generated."""
        return ()
