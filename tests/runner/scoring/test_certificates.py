"""Certificates in a run: figures, a chart, the folder, the store and the check of other components."""

from pathlib import Path
from typing import Any

import pytest
import torch

from antivenom.attacks import LabelFlip, RandomNoise
from antivenom.defences import NeuralCleanse
from antivenom.errors import SettingsError
from antivenom.models import Certified
from antivenom.runner import Result
from antivenom.runner.scoring.certificates import CertifiedRows, changes_between
from antivenom.testing import toy_images
from antivenom.training import DeepPartition, EndToEnd, FlipSmoothing, LabelPartition
from tests.helpers.small_experiment import SPLITS, experiment

SHORT = EndToEnd(epochs=20, batch_size=16, learning_rate=0.01)
TRAININGS = [
    DeepPartition(partitions=9, base=SHORT),
    LabelPartition(partitions=9, clusters=4, base=SHORT, representation=EndToEnd(epochs=2)),
    FlipSmoothing(),
]


@pytest.mark.parametrize("training", TRAININGS, ids=lambda each: type(each).__name__)
def test_a_run_reports_certificates_and_keeps_the_classifier(training: Any, tmp_path: Path) -> None:
    result = experiment(training=training, attack=LabelFlip(count=1)).run()
    values = result.repeats[0].values
    flips = 2 if isinstance(training, DeepPartition) else 1
    assert values["model.changed_rows"] == flips
    assert values["model.broken_certificates"] == 0
    promised, real = values["model.accuracy_promised"], values["model.clean_accuracy"]
    assert promised is not None
    assert real is not None
    assert promised <= real
    assert "model.certified" in result.charts
    loaded = Result.load(result.save(tmp_path / "run"))
    x = SPLITS.test.inputs()
    for saved, made in ((loaded.victim, result.victim), (loaded.control, result.control)):
        assert isinstance(saved, Certified)
        assert isinstance(made, Certified)
        assert torch.equal(saved.scores(x), made.scores(x))
        assert torch.equal(saved.certified(x), made.certified(x))


def test_a_backdoor_has_a_largest_success_rate() -> None:
    values = experiment(training=TRAININGS[0]).run().repeats[0].values
    most, real = values["model.success_rate_at_most"], values["attack.success_rate"]
    assert most is not None
    assert real is not None
    assert real <= most


def test_flips_do_not_count_changes_of_inputs() -> None:
    values = experiment(training=TRAININGS[2], attack=RandomNoise(rate=0.1)).run().repeats[0].values
    assert values["model.changed_rows"] is None
    assert values["model.accuracy_promised"] is None


def test_a_component_that_requires_gradients_is_refused_before_the_run() -> None:
    with pytest.raises(SettingsError, match=r"requires \w+, which the model the vote of 9 Sequential does not provide"):
        experiment(training=TRAININGS[0], defences=(NeuralCleanse(),)).run()


def test_other_trainings_have_no_certificates() -> None:
    assert not any("certified" in key for key in experiment().run().metrics)


def test_changes_are_counted_as_a_multiset() -> None:
    data = toy_images(8)
    twice = data.subset(torch.tensor([0, 0, 1, 2, 3, 4, 5, 6, 7]))
    assert changes_between(data, twice, "insertions and removals") == 1
    assert changes_between(data, twice, "label flips") is None
    assert changes_between(data, data.subset(torch.arange(7, -1, -1)), "insertions and removals") == 0


def test_the_median_is_the_largest_number_with_half_of_the_rows() -> None:
    good, radii = torch.tensor([True, True, True, False]), torch.tensor([5, 3, 1, 9])
    rows = CertifiedRows(good.long(), good, radii)
    assert [rows.share_at(count) for count in (0, 3, 4, 6)] == [0.75, 0.5, 0.25, 0.0]
    assert rows.median == 3
    assert CertifiedRows(good.long(), ~good, radii).median is None
