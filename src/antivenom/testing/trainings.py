"""What every training promises."""

import dataclasses

from antivenom.charts import with_evidence
from antivenom.data import Dataset
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.testing._checks import check
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.training import Callback, Epoch, Training


@check(quick=True)
def training_leaves_its_inputs_alone(training: Training) -> None:
    """Neither architecture, start, data nor any global random stream is touched."""
    data = toy_images()
    blank, start = toy_model(data), toy_model(data).fresh(Rng(5))
    before = bytes_of(blank), bytes_of(start), data.fingerprint
    with global_state_untouched():
        training.fit(blank, data, rng=Rng(0), start=start)
    assert before == (bytes_of(blank), bytes_of(start), dataclasses.replace(data).fingerprint), "an input was changed"


@check
def training_is_reproducible(training: Training) -> None:
    """Same seed, same bytes; another seed, others."""
    data = toy_images()
    blank = toy_model(data)
    first, again, other = (bytes_of(_fitted(training, blank, data, Rng(seed))) for seed in (0, 0, 1))
    assert first == again, "the same seed gave other weights"
    assert first != other, "another seed gave the same weights"


@check
def training_learns(training: Training) -> None:
    """Unseen rows of an easy problem are classified far better than by chance, and callbacks are called."""
    heard: list[Epoch] = []
    data = toy_images(480)
    trained = _fitted(training, toy_model(data), data, Rng(0), heard.append)
    got = accuracy(trained, toy_images(seed=1))
    assert got > 2 / CLASSES, f"accuracy on an easy problem is {got:.3f}"
    assert heard, "no callback was called"


def _fitted(training: Training, classifier: Classifier, data: Dataset, rng: Rng, *callbacks: Callback) -> Classifier:
    return with_evidence(training.fit(classifier, data, rng=rng, callbacks=callbacks)).result
