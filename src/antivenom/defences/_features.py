"""The features in which defences measure distances."""

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier

BATCH = 1024


def distance_features(data: Dataset, classifier: Classifier) -> Tensor:
    """The penultimate features of rows where the classifier has them, else the rows themselves (n, d)."""
    inputs = data.inputs()
    if "features" not in classifier.can:
        return inputs.flatten(1)
    parts = [classifier.features(part).flatten(1) for part in inputs.split(BATCH)]
    return torch.cat(parts).to(data.device) if parts else inputs.flatten(1)
