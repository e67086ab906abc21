"""Predictions and losses for a whole data set."""

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset, Scorer
from antivenom.models.batches import ROWS_PER_BATCH, input_batches
from antivenom.models.classifier import Classifier
from antivenom.settings.arguments import check_argument
from antivenom.settings.finite_scores import check_scores, undefined_rows
from antivenom.settings.fits import check_fits
from antivenom.settings.scored_range import any_range
from antivenom.shapes import Inputs, Labels, Scores

ABSTAINS = -1
"""The value of a prediction if the classifier abstains."""
UNDEFINED = -2
"""The value of a prediction if the scores are not finite. It counts as wrong, and never as a success of an attack."""


def row_losses(classifier: Scorer, data: Dataset) -> Tensor:
    """Return the cross-entropy (n) of each row's label, in nats; at most 87, for a probability of 0.

    Raises:
        DataError: the rows do not fit the classifier, or its scores are not finite.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> model = MLP().build(input_shape=test.shape, classes=10, bounds=test.bounds, rng=Rng(0))
    >>> bool((row_losses(model, test) > 0).all())
    True
    """
    _check(classifier, data)
    losses = [data.x.new_empty(0, dtype=torch.float32)]
    for rows, x in input_batches(data, most=ROWS_PER_BATCH):
        scores = _scores(classifier, x).to(data.device)
        check_scores(scores, "the classifier")
        scores = scores.clamp_min(torch.finfo(torch.float32).tiny)
        losses.append(functional.nll_loss(scores.log(), data.y[rows], reduction="none"))
    return torch.cat(losses)


def predictions(classifier: Scorer, data: Dataset) -> Labels:
    """Return the predicted class (n) of each row; -1 if all scores are 0: the classifier abstains (see `Filtered`).

    It is -2 if the scores are not finite, because the classifier has diverged. Rows are converted and scored in
    batches, to limit memory use.

    Raises:
        DataError: the rows do not fit the classifier.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> test = load("digits").test
    >>> untrained = MLP().build(input_shape=test.shape, classes=10, bounds=test.bounds, rng=Rng(0))
    >>> predictions(untrained, test).shape
    torch.Size([450])
    """
    _check(classifier, data)
    parts = [predicted_classes(_scores(classifier, x)) for _, x in input_batches(data, most=ROWS_PER_BATCH)]
    return torch.cat(parts) if parts else data.y.new_empty(0)


def predicted_classes(scores: Scores) -> Labels:
    """Return the class with the largest score (n); -1 if all scores are 0, and -2 if they are not finite.

    >>> predicted_classes(torch.tensor([[0.1, 0.9], [0.0, 0.0], [torch.nan, 0.9]])).tolist()
    [1, -1, -2]
    """
    predicted = scores.argmax(1).masked_fill((scores == 0).all(1), ABSTAINS)
    return predicted.masked_fill(undefined_rows(scores), UNDEFINED)


def _scores(classifier: Scorer, x: Inputs) -> Scores:
    """Return the scores of rows that were checked with their data set."""
    with any_range():
        return classifier.scores(x)


def _check(classifier: Scorer, data: Dataset) -> None:
    """Check that rows fit a classifier. Other scorers, such as predictions from a file, do not say what they take.

    Raises:
        TypeError: the classifier or the data is an object of another type.
        DataError: the rows do not fit.
    """
    check_argument("classifier", classifier, members=("scores",))
    check_argument("data", data)
    if isinstance(classifier, Classifier):
        check_fits(classifier, data)
