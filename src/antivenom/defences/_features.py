"""The features in which defences measure distances."""

from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH, input_batches


def feature_batches(data: Dataset, classifier: Classifier) -> Iterator[Tensor]:
    """Yield the penultimate features (n, d) of a batch of rows after the other, on the device of the data.

    They are the rows themselves if the classifier has no features.
    """
    features = "features" in classifier.can
    for _, x in input_batches(data, most=ROWS_PER_WIDE_BATCH):
        yield classifier.features(x).flatten(1).to(data.device) if features else x.flatten(1)


class DistanceFeatures:
    """The features of all rows, batch by batch, as often as they are needed.

    Features of a network are computed once and kept. Rows themselves are converted again each time, because large rows
    do not fit into memory as floating-point numbers.

    Args:
        data: the rows.
        classifier: the classifier.
    """

    def __init__(self, data: Dataset, classifier: Classifier) -> None:
        self._data, self._classifier = data, classifier
        self._kept = list(feature_batches(data, classifier)) if "features" in classifier.can else None

    def __iter__(self) -> Iterator[Tensor]:
        """Yield the features (n, d) of a batch after the other."""
        return iter(self._kept) if self._kept is not None else feature_batches(self._data, self._classifier)

    def as_doubles(self) -> Tensor:
        """Return the features of all rows (n, d) in float64, on the CPU."""
        batches = iter(self)
        first = next(batches, None)
        if first is None:
            return torch.empty(0, self._data.x[:0].flatten(1).shape[1], dtype=torch.float64)
        result, end = torch.empty(len(self._data), first.shape[1], dtype=torch.float64), 0
        for part in chain([first], batches):
            result[end : end + len(part)] = part
            end += len(part)
        return result
