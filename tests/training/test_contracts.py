"""What trainings promise: a stranger's with `fit` alone serves; what goes beyond is named, never guessed."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from antivenom.arrivals import AtPoint, RepeatedArrival, Spread, repeats_of
from antivenom.attacks import LabelFlip
from antivenom.charts import Figure, WithEvidence
from antivenom.data import Dataset, Splits
from antivenom.models import MLP, Classifier
from antivenom.models.identity import weights_digest
from antivenom.rng import Rng
from antivenom.runner import Experiment
from antivenom.settings import component
from antivenom.testing import check_component, toy_images
from antivenom.training import (
    Callback,
    CheckpointedTraining,
    EndToEnd,
    Epoch,
    Online,
    OwnFit,
    PretrainedTraining,
    StreamTraining,
    Training,
    Transfer,
    checkpoints_of,
    pretrained_by,
    single_pass,
)
from antivenom.training.loop import run_epochs

SPLITS = Splits(train=toy_images(240), test=toy_images(80, seed=1))
QUICK = EndToEnd(epochs=6, learning_rate=5e-3, batch_size=32)


@component
class FitAlone:
    """A stranger's training: `fit`, and nothing else."""

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Any:
        return QUICK.fit(classifier, data, rng=rng, start=start, callbacks=callbacks)


@component
class FitWithEvidence(FitAlone):
    """The same with a figure of its own."""

    def fit(self, classifier: Classifier, data: Dataset, **given: Any) -> Any:
        return WithEvidence(QUICK.fit(classifier, data, **given), (Figure(name="rows", value=3, unit="count"),))


class Before(PretrainedTraining):
    """A stranger's training after another one: what it does not say is the protocol's."""

    def fit(self, classifier: Classifier, data: Dataset, **given: Any) -> Any:
        return QUICK.fit(classifier, data, **given)

    @property
    def pretrained_by(self) -> Training:
        return QUICK

    def divide(self, splits: Splits, rng: Rng, read: Any) -> tuple[Dataset, Splits]:
        first, rest = (splits.train.subset(part) for part in torch.arange(len(splits.train)).chunk(2))
        return first, Splits(train=rest, test=splits.test)


def run(training: Any) -> Any:
    return Experiment(dataset=SPLITS, model=MLP(hidden=(16,)), attack=LabelFlip(rate=0.1), training=training).run(
        device="cpu"
    )


def test_contracts_tell_trainings_apart() -> None:
    for training in (EndToEnd(), Online(), OwnFit(), Transfer(), FitAlone(), Before()):
        assert isinstance(training, Training)
    is_stream = [isinstance(each, StreamTraining) for each in (EndToEnd(), Online(), OwnFit(), Transfer(), Before())]
    assert is_stream == [False, True, False, False, False]
    starts = [isinstance(each, PretrainedTraining) for each in (EndToEnd(), Online(), OwnFit(), Transfer(), Before())]
    assert starts == [False, True, False, True, True]
    keeps = [isinstance(each, CheckpointedTraining) for each in (EndToEnd(), Online(), OwnFit(), Transfer())]
    assert keeps == [True, True, False, True]


def test_what_a_training_does_not_say_has_a_default() -> None:
    assert (checkpoints_of(FitAlone()), checkpoints_of(Online(checkpoints=7))) == (0, 7)
    assert [single_pass(each) for each in (FitAlone(), Online(), Online(schedule="mixed"))] == [False, True, False]
    assert pretrained_by(FitAlone()) is None
    assert pretrained_by(Online(warm_up=None)) is None
    assert pretrained_by(Online(warm_up=QUICK)) is pretrained_by(Transfer(pretraining=QUICK)) is pretrained_by(Before())
    assert pretrained_by(Transfer(weights="own")) is None


def test_a_training_with_fit_alone_serves_in_an_experiment() -> None:
    check_component(FitAlone())
    result = run(FitAlone())
    assert weights_digest(result.victim) == weights_digest(run(QUICK).victim)
    assert result.repeats[0].losses[0]


def test_a_training_may_return_evidence_beside_its_classifier() -> None:
    check_component(FitWithEvidence())
    assert weights_digest(run(FitWithEvidence()).victim) == weights_digest(run(QUICK).victim)


def test_a_strangers_pretraining_is_shared_by_victim_and_control() -> None:
    fitted = run(Before())
    half = Splits(train=SPLITS.train.subset(torch.arange(120, 240)), test=SPLITS.test)
    afresh = Experiment(dataset=half, model=MLP(hidden=(16,)), attack=LabelFlip(rate=0.1), training=QUICK).run()
    assert weights_digest(fitted.victim) != weights_digest(afresh.victim)
    assert fitted.metrics["model.clean_accuracy"]["mean"] > afresh.metrics["model.clean_accuracy"]["mean"]


def test_repeats_of_an_arrival() -> None:
    class Once:
        def arrange(self, roles: Any, ids: Any, rng: Rng) -> Any:
            return torch.arange(len(roles))

    assert isinstance(Spread(), RepeatedArrival) and not isinstance(Once(), RepeatedArrival)
    assert (repeats_of(AtPoint(repeats=3)), repeats_of(Once()), repeats_of(None)) == (3, 1, 1)


@pytest.mark.parametrize(
    ("losses", "settings", "done"),
    [
        ([3, 2, 1], {}, 3),
        ([3, 3, 3, 3], {}, 4),
        ([3, 2, 2, 2, 2], {"patience": 2}, 4),
        ([3, 2.9, 2.8, 1], {"patience": 1, "min_delta": 0.5}, 2),
        ([3, float("nan"), 1], {}, 2),
        ([3, float("inf"), 1], {"patience": 5}, 2),
    ],
)
def test_epochs_stop_where_they_should(losses: list[float], settings: dict[str, Any], done: int) -> None:
    heard: list[Epoch] = []
    net = MLP(hidden=(4,)).build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    run_epochs(len(losses), lambda epoch: float(losses[epoch]), net, rows=5, callbacks=(heard.append,), **settings)
    assert [epoch.number for epoch in heard] == list(range(1, done + 1))
    assert [epoch.rows for epoch in heard] == [5 * number for number in range(1, done + 1)]
    assert all(epoch.of == len(losses) and epoch.classifier is net for epoch in heard)
