"""Checks of detectors."""

import dataclasses

import torch
from torch import Tensor

from antivenom.calling import scores_from
from antivenom.data import Dataset
from antivenom.defences import Detector
from antivenom.metrics import auroc
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Chosen
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
    toy_victim,
)
from antivenom.testing.register import check
from antivenom.training.end_to_end import EndToEnd


def _planted() -> tuple[Dataset, Chosen, Classifier, Dataset]:
    """Return rows, one in ten with a wrong label; the wrong rows; a classifier from clean rows; and clean rows."""
    data, model = toy_images(), toy_model(toy_images())
    trained = EndToEnd(epochs=8, learning_rate=1e-2, batch_size=32).fit(model, toy_images(seed=1), rng=Rng(0))
    wrong = torch.zeros(len(data), dtype=torch.bool, device=data.device)
    wrong[Rng(0).child("wrong").order(data.ids)[: len(data) // 10]] = True
    labels = torch.where(wrong, (data.y + 1) % CLASSES, data.y)
    return dataclasses.replace(data, y=labels), wrong, trained, toy_images(seed=2)


def _scores(detector: Detector, data: Dataset, classifier: Classifier, *, rng: Rng, clean: Dataset) -> Tensor:
    rows = len(data)
    return scores_from(detector, Detector.score, data, classifier, rows=rows, rng=rng, clean=clean).result


@check(quick=True, basic=True)
def detector_scores_each_row(detector: Detector) -> None:
    """The detector returns a finite float for each row (n), without a gradient, as a run requires."""
    _scores(detector, toy_images(), toy_victim(), rng=Rng(0), clean=toy_images(seed=2))


@check(quick=True)
def detector_does_not_change_its_inputs(detector: Detector) -> None:
    """The detector does not change data, classifier, clean rows or global random streams."""
    data, _, classifier, clean = _planted()
    prints = [dataclasses.replace(each).fingerprint for each in (data, clean)]
    before = bytes_of(classifier)
    with global_state_untouched():
        _scores(detector, data, classifier, rng=Rng(0), clean=clean)
    assert before == bytes_of(classifier), "the detector changed the classifier"
    after = [dataclasses.replace(each).fingerprint for each in (data, clean)]
    assert prints == after, "the detector changed the data"


@check
def detector_is_reproducible(detector: Detector) -> None:
    """The same seed returns exactly the same scores."""
    data, _, classifier, clean = _planted()
    first, again = (_scores(detector, data, classifier, rng=Rng(0), clean=clean) for _ in range(2))
    assert torch.equal(first, again), "the same seed returned different scores"


@check
def detector_ignores_the_order(detector: Detector) -> None:
    """A permutation of the rows only permutes the scores."""
    data, _, classifier, clean = _planted()
    order = Rng(1).child("order").order(data.ids)
    scores = _scores(detector, data, classifier, rng=Rng(0), clean=clean)
    permuted = _scores(detector, data.subset(order), classifier, rng=Rng(0), clean=clean)
    assert torch.allclose(permuted, scores[order], rtol=1e-4, atol=1e-5), "scores depend on the order of the rows"


@check
def detector_finds_wrong_labels(detector: Detector) -> None:
    """The detector distinguishes wrong labels of an easy problem much better than by chance."""
    data, wrong, classifier, clean = _planted()
    area = auroc(_scores(detector, data, classifier, rng=Rng(0), clean=clean), wrong)
    assert area is not None
    assert area > 0.75, f"the AUROC on wrong labels of an easy problem must be above 0.75; got {area:.3f}"
