"""What a verdict rests on: the assumptions of its classifier, and a doubt about rows on which it is rarely right."""

import re

import pytest
import torch
from torch import nn

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.defences.neural_cleanse import NeuralCleanse
from antivenom.models import Classifier, as_classifier
from antivenom.models.checkpoints import find_weights
from antivenom.rng import Rng
from antivenom.runner.executors.packing import pack_verdict, unpack_verdict
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd

DATA = toy_images()


@pytest.fixture(scope="module")
def trained() -> Classifier:
    network = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=DATA.shape)
    return EndToEnd(epochs=40, learning_rate=0.02).fit(network, DATA, rng=Rng(0))


def verdict_on(classifier: Classifier, data: Dataset) -> Verdict:
    return NeuralCleanse(steps=2).scan(classifier, data, rng=Rng(0))


def with_labels(y: torch.Tensor) -> Dataset:
    return Dataset.from_arrays(DATA.inputs(), y, bounds=(0, 1), channels="first", classes=4)


def test_rows_on_which_the_network_is_right_have_no_doubt(trained: Classifier) -> None:
    assert verdict_on(trained, DATA).doubts == ()


@pytest.mark.parametrize(
    "data",
    [
        with_labels((DATA.y + 1) % 4),
        Dataset.from_arrays(1 - DATA.inputs(), DATA.y, bounds=(0, 1), channels="first"),
        Dataset.from_arrays(DATA.inputs() / 255, DATA.y, bounds=(0, 1), channels="first"),
    ],
    ids=["labels", "inverted", "divided twice"],
)
def test_rows_on_which_the_network_is_rarely_right_have_a_doubt(trained: Classifier, data: Dataset) -> None:
    verdict = verdict_on(trained, data)
    (doubt,) = verdict.doubts
    assert doubt.startswith("The network is right on ")
    assert doubt.endswith("Check their range and labels.")
    assert doubt in repr(verdict)
    assert repr(verdict).count("network is right on") == 1
    assert re.search(r"; doubtful: the network is right on \d+ % of these rows, so .* means little$", verdict.summary())
    assert verdict.with_notes((), ("Another.",)).summary().endswith(" (and 1 more)")
    assert doubt in verdict._repr_html_()
    assert unpack_verdict(*pack_verdict(verdict)).doubts == verdict.doubts


def test_a_verdict_says_whose_weights_were_scanned(trained: Classifier) -> None:
    weights = find_weights({"model": trained.state(), "ema": trained.state()}, "net.pt", "ema")
    verdict = verdict_on(trained.with_state(weights), DATA)
    assert any("'ema'" in sentence for sentence in verdict.assumptions)
    assert unpack_verdict(*pack_verdict(verdict)).assumptions == verdict.assumptions
