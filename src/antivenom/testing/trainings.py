"""Checks of trainings."""

import dataclasses
from collections.abc import Iterator

import torch

from antivenom.charts import with_evidence
from antivenom.data import Dataset
from antivenom.metrics import accuracy
from antivenom.models import Certified, Classifier, Threat, predictions
from antivenom.rng import Rng
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.testing.classifiers import check_classifier
from antivenom.testing.register import check
from antivenom.training import Callback, Epoch, Training, WrappingTraining, wrapped


@check(quick=True)
def training_does_not_change_its_inputs(training: Training) -> None:
    """The training does not change architecture, start, data or global random streams."""
    data = toy_images()
    blank, start = toy_model(data), toy_model(data).fresh(Rng(5))
    before = bytes_of(blank), bytes_of(start), data.fingerprint
    with global_state_untouched():
        training.fit(blank, data, rng=Rng(0), start=start)
    after = bytes_of(blank), bytes_of(start), dataclasses.replace(data).fingerprint
    assert before == after, "the training changed its inputs"


@check
def training_is_reproducible(training: Training) -> None:
    """The same seed returns the same weights, and another seed returns other weights."""
    data = toy_images()
    blank = toy_model(data)
    first, again, other = (bytes_of(_fitted(training, blank, data, Rng(seed))) for seed in (0, 0, 1))
    assert first == again, "the same seed returned different weights"
    assert first != other, "different seeds returned the same weights"


@check
def training_learns(training: Training) -> None:
    """The trained model classifies new rows of an easy problem much better than by chance. Callbacks are called."""
    epochs: list[Epoch] = []
    data = toy_images(480)
    trained = _fitted(training, toy_model(data), data, Rng(0), epochs.append)
    share = accuracy(trained, toy_images(seed=1))
    least = 2 / CLASSES
    assert share > least, f"the accuracy on an easy problem must be above {least:.0%}; got {share:.0%}"
    assert epochs, "fit() must call the callbacks; it did not"


@check(quick=True)
def training_wraps_its_classifier(training: Training) -> None:
    """A training that returns another kind of classifier can restore it from its state."""
    if not isinstance(training, WrappingTraining):
        return
    data = toy_images()
    blank = toy_model(data)
    trained, empty = _fitted(training, blank, data, Rng(0)), wrapped(training, blank)
    same = torch.equal(empty.with_state(trained.state()).scores(data.inputs()), trained.scores(data.inputs()))
    assert same, "wrapped(classifier).with_state(state) returned a classifier with different scores"
    assert empty.can == trained.can, f"wrapped(classifier).can must be {sorted(trained.can)}; got {sorted(empty.can)}"
    check_classifier(trained, data)


@check
def training_keeps_its_certificates(training: Training) -> None:
    """A certificate of n changes holds if n rows of the training set are changed in the way that it counts."""
    if not isinstance(training, WrappingTraining):
        return
    data, test = toy_images(), toy_images(seed=1)
    trained = _fitted(training, toy_model(data), data, Rng(0))
    if not isinstance(trained, Certified):
        return
    radii = trained.certified(test.inputs())
    assert radii.dtype == torch.int64, f"certificates must be int64; got {radii.dtype}"
    assert radii.shape == (len(test),), f"certificates must have shape ({len(test)},); got {tuple(radii.shape)}"
    assert bool((radii >= 0).all()), "certificates must be at least 0"
    for changes, changed in enumerate(_changed(data, trained.threat), 1):
        after = _fitted(training, toy_model(data), changed, Rng(0))
        differ = predictions(after, test) != predictions(trained, test)
        broken = int((differ & (radii >= changes)).sum())
        assert not broken, f"{changes} {trained.threat} changed {broken} predictions with a certificate of {changes}"


def _changed(data: Dataset, threat: Threat) -> Iterator[Dataset]:
    """Yield the data with one change, and with two: flipped labels; or a row removed, then a row inserted too."""
    if threat == "label flips":
        for flips in (1, 2):
            y = data.y.clone()
            y[:flips] = (y[:flips] + 1) % CLASSES
            yield dataclasses.replace(data, y=y)
        return
    kept = torch.arange(1, len(data), device=data.device)
    yield data.subset(kept)
    y = data.y[kept]
    yield dataclasses.replace(
        data,
        x=torch.cat([data.x[kept], 255 - data.x[:1]]),
        y=torch.cat([y, y[:1]]),
        ids=torch.arange(len(data), device=data.device),
    )


def _fitted(training: Training, classifier: Classifier, data: Dataset, rng: Rng, *callbacks: Callback) -> Classifier:
    return with_evidence(training.fit(classifier, data, rng=rng, callbacks=callbacks)).result
