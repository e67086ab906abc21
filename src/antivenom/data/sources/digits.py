"""scikit-learn's handwritten digits."""

from pathlib import Path

import numpy as np
import torch

from antivenom.data.dataset import Dataset, Splits
from antivenom.data.progress import OnProgress, no_op
from antivenom.private.digits import digits
from antivenom.rng import Rng
from antivenom.settings import component


@component
class Digits:
    """1,797 handwritten digits of 8 × 8 pixels. They are part of scikit-learn: no download is required.

    1,347 rows are for training and 450 for testing: every fourth row of a fixed shuffle. The 17 grey levels of the
    original are scaled to uint8. From the UCI repository (Alpaydin and Kaynak, 1998), as scikit-learn ships it.

    >>> splits = Digits().load()
    >>> len(splits.train), len(splits.test)
    (1347, 450)
    """

    def load(self, on_progress: OnProgress = no_op) -> Splits:  # noqa: ARG002
        """Load both splits."""
        images, classes = digits()
        data = Dataset.from_arrays((images * (255 / 16)).round().astype(np.uint8), classes, channels="none")
        order = Rng(0).child("digits").order(data.ids)
        test = torch.arange(len(data)) % 4 == 0
        return Splits(train=data.subset(order[~test]), test=data.subset(order[test]))

    def files(self) -> tuple[Path, ...]:
        """Return no files: the data is part of scikit-learn."""
        return ()
