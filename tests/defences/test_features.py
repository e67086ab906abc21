"""Detectors convert rows in batches, also for a classifier without features, with the same scores."""

import pytest
import torch
from sklearn.naive_bayes import GaussianNB

from antivenom.defences import Detector
from antivenom.defences.nearest_neighbours import NearestNeighbours
from antivenom.defences.trim import Trim
from antivenom.models import Classifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images, toy_victim
from antivenom.testing.memory import few_rows_at_once

DATA, CLEAN = toy_images(400), toy_images(400, seed=2)


def estimator() -> Classifier:
    return as_classifier(GaussianNB().fit(DATA.inputs().flatten(1), DATA.y), input_shape=DATA.shape)


@pytest.mark.parametrize("detector", [NearestNeighbours(), Trim(rounds=3)])
@pytest.mark.parametrize("classifier", [toy_victim(), estimator()], ids=["network", "estimator"])
@pytest.mark.parametrize("clean", [CLEAN, None], ids=["clean", "alone"])
def test_rows_are_converted_in_batches(detector: Detector, classifier: Classifier, clean: object) -> None:
    before = detector.score(DATA, classifier, rng=Rng(0), clean=clean)  # type: ignore[arg-type]
    with few_rows_at_once():
        after = detector.score(DATA, classifier, rng=Rng(0), clean=clean)  # type: ignore[arg-type]
    assert (before - after).abs().max() <= 0.1
    torch.testing.assert_close(after.mean(), before.mean(), rtol=1e-2, atol=1e-3)
