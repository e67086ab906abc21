"""Predictions and losses for a whole data set."""

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset, Scorer
from antivenom.models.batches import batches
from antivenom.shapes import Labels

ABSTAINS = -1
"""The value of a prediction if the classifier abstains."""


def row_losses(classifier: Scorer, data: Dataset) -> Tensor:
    """Return the cross-entropy (n) of each row's label, in nats; at most 87, for a probability of 0.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> model = MLP().build(input_shape=test.shape, classes=10, bounds=test.bounds, rng=Rng(0))
    >>> bool((row_losses(model, test) > 0).all())
    True
    """
    losses = [data.x.new_empty(0, dtype=torch.float32)]
    for rows in batches(len(data)):
        scores = classifier.scores(data.inputs(rows)).to(data.device).clamp_min(torch.finfo(torch.float32).tiny)
        losses.append(functional.nll_loss(scores.log(), data.y[rows], reduction="none"))
    return torch.cat(losses)


def predictions(classifier: Scorer, data: Dataset) -> Labels:
    """Return the predicted class (n) of each row; -1 if all scores are 0: the classifier abstains (see `Filtered`).

    Rows are converted and scored in batches, to limit memory use.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> untrained = MLP().build(input_shape=test.shape, classes=10, bounds=test.bounds, rng=Rng(0))
    >>> predictions(untrained, test).shape
    torch.Size([450])
    """
    parts = []
    for rows in batches(len(data)):
        scores = classifier.scores(data.inputs(rows))
        parts.append(scores.argmax(1).masked_fill((scores == 0).all(1), ABSTAINS))
    return torch.cat(parts) if parts else data.y.new_empty(0)
