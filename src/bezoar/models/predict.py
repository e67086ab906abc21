"""Predictions for a whole data set."""

import torch

from bezoar.data import Dataset, Scorer
from bezoar.shapes import Labels

BATCH = 2048


def predictions(classifier: Scorer, data: Dataset) -> Labels:
    """The predicted class (n) of every row; converted and scored in batches, so that memory stays bounded.

    >>> from bezoar.data.sources import load
    >>> from bezoar.models import MLP
    >>> from bezoar.rng import Rng
    >>> test = load("digits").test
    >>> untrained = MLP().build(input_shape=test.shape, classes=10, bounds=test.bounds, rng=Rng(0))
    >>> predictions(untrained, test).shape
    torch.Size([450])
    """
    parts = [
        classifier.scores(data.inputs(slice(start, start + BATCH))).argmax(1) for start in range(0, len(data), BATCH)
    ]
    return torch.cat(parts) if parts else data.y.new_empty(0)
