"""The monitor of losses, scored against the truth."""

from dataclasses import replace

import pytest

from antivenom.attacks import BadNets, LabelFlip
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.testing import check_component
from antivenom.training import EndToEnd
from tests.helpers.crafting import experiment, finished


def test_a_detector_is_scored_against_the_truth() -> None:
    training = EndToEnd(epochs=10, learning_rate=1e-2, batch_size=16)
    of = experiment(attack=LabelFlip(rate=0.2), training=training, defences=(LossMonitor(false_alarm_rate=0.05),))
    result, _ = finished(replace(of, trusted=0.5))
    mean = {name.rpartition(".")[2]: entry["mean"] for name, entry in result.metrics.items() if "detector" in name}
    assert mean.keys() == {"auroc", "tpr_at_1_percent_fpr", "tpr", "fpr"}
    assert mean["auroc"] > 0.8
    assert mean["tpr"] > 0.4
    assert mean["fpr"] < 0.15
    assert int(result.repeats[0].confusion[0].sum()) == 200  # nothing is measured on the defender's half


def test_a_detector_of_nothing_finds_nothing() -> None:
    """The twin: backdoored rows that a wrong model cannot tell, and no poison at all."""
    none, _ = finished(experiment(attack=LabelFlip(rate=0.0), defences=(LossMonitor(),)))
    assert none.metrics["detector.loss_monitor.auroc"]["mean"] is None
    noise, _ = finished(experiment(attack=BadNets(rate=0.2), defences=(Blind(),)))
    area = noise.metrics[f"detector.{__name__}:Blind.auroc"]["mean"]
    assert area is not None
    assert 0.3 < area < 0.7


class Blind(LossMonitor):
    """Scores rows by chance."""

    def score(self, data, classifier, *, rng, clean=None):  # type: ignore[no-untyped-def]
        return rng.keys(data.ids).float()


def test_the_checks_of_detectors_can_fail() -> None:
    with pytest.raises(AssertionError, match="AUROC on wrong labels"):
        check_component(Blind())


def test_the_same_defence_again_is_named_by_its_setting() -> None:
    made = experiment(defences=(LossMonitor(), LossMonitor(false_alarm_rate=0.1), LossMonitor(false_alarm_rate=0.2)))
    assert list(made.detectors) == [f"loss_monitor(false_alarm_rate={rate})" for rate in (0.01, 0.1, 0.2)]
    assert made.detectors["loss_monitor(false_alarm_rate=0.1)"].false_alarm_rate == 0.1
