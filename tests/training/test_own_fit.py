"""Estimators trained by their own `fit`."""

from dataclasses import replace

import torch
from sklearn.linear_model import SGDClassifier

from antivenom.data import Splits
from antivenom.models import as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import OwnFit

SPLITS = Splits(train=toy_images(240), test=toy_images(200, seed=1))


def test_an_estimators_own_fit_is_reproducible_and_does_not_change_its_inputs() -> None:
    blank = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    before = SPLITS.train.fingerprint
    first, again, other = (OwnFit().fit(blank, SPLITS.train, rng=Rng(seed)).state() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert replace(SPLITS.train).fingerprint == before
    assert not hasattr(blank.estimator, "coef_")  # type: ignore[attr-defined]
