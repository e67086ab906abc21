"""scikit-learn's handwritten digits."""

from pathlib import Path

import numpy as np
import torch

from antivenom.data.dataset import Dataset, OnProgress, Splits, no_op
from antivenom.rng import Rng
from antivenom.settings import component


@component
class Digits:
    """1,797 handwritten digits of 8 × 8 pixels, embedded: nothing to download.

    Every fourth of a fixed shuffle is for testing: 1,347 rows to train on and 450 to test. The 17 grey levels of the
    original become uint8. From the UCI repository (Alpaydin and Kaynak, 1998), as scikit-learn ships it.

    >>> splits = Digits().load()
    >>> len(splits.train), len(splits.test)
    (1347, 450)
    """

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Both splits."""
        from sklearn.datasets import load_digits  # noqa: PLC0415 - scikit-learn takes its time

        bunch = load_digits()
        data = Dataset.from_arrays((bunch.images * (255 / 16)).round().astype(np.uint8), bunch.target)
        order = Rng(0).child("digits").order(data.ids)
        test = torch.arange(len(data)) % 4 == 0
        return Splits(train=data.subset(order[~test]), test=data.subset(order[test]))

    def files(self) -> tuple[Path, ...]:
        """None: the data is part of scikit-learn."""
        return ()
