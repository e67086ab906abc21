"""Randomised smoothing against label flips (Rosenfeld, Winston, Ravikumar and Kolter 2020)."""

import time
from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.metrics import accuracy
from antivenom.models import Classifier, input_batches, require
from antivenom.models.smoothed import SmoothedLeastSquares, unfitted
from antivenom.rng import Rng
from antivenom.settings import Positive, component
from antivenom.training.contracts import Callback, Epoch
from antivenom.training.loop import check_learnable
from antivenom.training.partitions import in_content_order
from antivenom.trial import Trial


@component
class FlipSmoothing:
    """Least squares on features that do not depend on labels, smoothed by random flips of the training labels.

    The features are the inputs of the last linear layer of the network, with its first weights or those of `start`: the
    rows themselves for a linear model, random features for another new network. Only a ridge regression of the one-hot
    labels is fitted. Chernoff's bound gives the probability p of the prediction under labels that are flipped at
    random with the probability `noise`; no sampling is necessary. The certificate is the number r of label flips with
    r KL_1 < -log(4 p (1 - p)) / 2, where KL_1 is the divergence that one flip causes. For several classes, a union
    bound over the other classes gives p. `antivenom.models.flip_bound` states the proof. The certificate does not hold
    for rows that are inserted, removed or changed in their inputs.

    Args:
        noise: the probability q that a label is flipped to another class. More noise gives larger certificates for
            predictions that are clear, and none for the others.
        l2: the penalty of squared weights, for each training row.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> blank = MLP(hidden=()).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> fitted = FlipSmoothing(noise=0.1).fit(blank, digits.train, rng=Rng(0))
    >>> fitted.threat, int(fitted.certified(digits.test.inputs()).max()) > 5
    ('label flips', True)
    """

    needs = frozenset({"features"})

    trial = Trial()

    noise: Annotated[float, Interval(gt=0, lt=0.5)] = 0.1
    l2: Positive = 0.01

    def wrapped(self, classifier: Classifier) -> SmoothedLeastSquares:
        """Return an untrained classifier of the kind that `fit` returns."""
        return unfitted(classifier, l2=self.l2, noise=self.noise)

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier:
        """Return the fitted classifier. Callbacks are called once, with the error rate on the training rows."""
        require(classifier, "features", by="FlipSmoothing")
        check_learnable(classifier, data, "FlipSmoothing")
        began = time.perf_counter()
        rows = in_content_order(data, labels=False)
        extractor = classifier.fresh(rng.child("weights")) if start is None else start.copy()
        known = torch.cat([extractor.features(x) for _, x in input_batches(rows)])
        fitted = SmoothedLeastSquares(extractor=extractor, known=known, labels=rows.y, l2=self.l2, noise=self.noise)
        for callback in callbacks:
            error = 1 - accuracy(fitted, data)
            callback(Epoch(1, 1, error, time.perf_counter() - began, fitted, len(data)))
        return fitted
