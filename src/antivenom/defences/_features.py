"""The features in which defences measure distances."""

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH


def distance_features(data: Dataset, classifier: Classifier) -> Tensor:
    """Return the penultimate features of the rows (n, d), or the rows themselves if the classifier has no features."""
    inputs = data.inputs()
    if "features" not in classifier.can:
        return inputs.flatten(1)
    parts = [classifier.features(part).flatten(1) for part in inputs.split(ROWS_PER_WIDE_BATCH)]
    return torch.cat(parts).to(data.device) if parts else inputs.flatten(1)
