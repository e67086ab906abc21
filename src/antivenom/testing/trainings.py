"""Checks of trainings."""

import dataclasses

from antivenom.charts import with_evidence
from antivenom.data import Dataset
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.testing.register import check
from antivenom.training import Callback, Epoch, Training


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


def _fitted(training: Training, classifier: Classifier, data: Dataset, rng: Rng, *callbacks: Callback) -> Classifier:
    return with_evidence(training.fit(classifier, data, rng=rng, callbacks=callbacks)).result
