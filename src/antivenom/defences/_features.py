"""The features in which defences measure distances."""

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH, input_batches


def distance_features(data: Dataset, classifier: Classifier) -> Tensor:
    """Return the penultimate features of the rows (n, d), or the rows themselves if the classifier has no features."""
    if "features" not in classifier.can or not len(data):
        return data.inputs().flatten(1)
    parts = [classifier.features(x).flatten(1) for _, x in input_batches(data, most=ROWS_PER_WIDE_BATCH)]
    return torch.cat(parts).to(data.device)
