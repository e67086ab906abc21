"""Analyses of one planted backdoor: what each says of a victim and its control, and what it refuses."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.linear_model import SGDClassifier
from torch import nn

from antivenom.analysis import (
    AnalysisContext,
    Drift,
    Embedding,
    Filters,
    Neurons,
    Probes,
    Saliency,
    Similarity,
    analyse,
    drift_over_training,
    embed,
    first_layer_filters,
    gradient_saliency,
    guided_backpropagation,
    neurons,
)
from antivenom.attacks import BadNets, LabelFlip
from antivenom.charts import Evidence, Images, Panels
from antivenom.data import Dataset
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.goals import Backdoor
from antivenom.models import CNN, MLP, Checkpoint, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import EndToEnd, Epoch
from antivenom.triggers import Patch

TRAIN, TEST = toy_images(800), toy_images(400, seed=1)


def test_what_cannot_be_drawn_is_refused() -> None:
    smooth = MLP(hidden=(8,), activation="tanh").build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    with pytest.raises(CapabilityError, match=r"nn\.ReLU"):
        guided_backpropagation(smooth, TEST.inputs(slice(0, 3)), TEST.y[:3])
    with pytest.raises(CapabilityError, match="at least 4 rows"):
        embed(torch.zeros(3, 5), "pca", rng=Rng(0))
    table = as_classifier(nn.Linear(7, 2), input_shape=(7,))
    with pytest.raises(CapabilityError, match="must take an image to be drawn; it takes 7"):
        first_layer_filters(table)
    with pytest.raises(SettingsError, match="each method once"):
        Embedding(methods=("pca", "pca"))
    with pytest.raises(CapabilityError, match="requires features"):
        gradient_saliency(
            as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4), TEST.inputs(slice(0, 3)), TEST.y[:3]
        )


@pytest.fixture(scope="module")
def context() -> AnalysisContext:
    """A backdoor of the bottom left corner, and how victim and control came to it."""
    poisoned = BadNets(rate=0.2, target=0, trigger=Patch(size=2, position="bottom_left")).poison(TRAIN, rng=Rng(0))
    blank = CNN(filters=(8, 8), hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    networks, paths = [], []
    for data in (poisoned.data, TRAIN):
        path: list[Checkpoint] = []

        def keep(epoch: Epoch, path: list[Checkpoint] = path) -> None:
            assert epoch.classifier is not None
            path.append(Checkpoint(epoch.rows, blank.with_state(epoch.classifier.state())))

        training = EndToEnd(epochs=12, learning_rate=5e-3, batch_size=32)
        networks.append(training.fit(blank, data, rng=Rng(0), callbacks=(keep,)))
        paths.append(tuple(path))
    return AnalysisContext(networks[0], networks[1], poisoned, TEST, (paths[0], paths[1]))


def values(found: Evidence, name: str) -> dict[str, float | None]:
    """The values of one analysis, by the keys of its own figures."""
    prefix = f"analysis.{name}."
    return {key.removeprefix(prefix): each.value for key, each in found.figures.items() if key.startswith(prefix)}


def test_a_victim_looks_at_the_trigger(context: AnalysisContext) -> None:
    found, data = analyse({"saliency": Saliency(rows=3)}, context, Rng(0))
    shares = values(found, "saliency")
    for method in ("gradient", "guided", "integrated"):
        victim, control = shares[f"trigger_share.{method}"], shares[f"trigger_share.{method}.control"]
        assert victim is not None
        assert control is not None
        assert victim > 1.5 * control
    assert data["analysis.saliency.maps"].shape == (2, 3, 3, 1, 6, 6)
    chart = found.charts["analysis.saliency.maps"]
    assert isinstance(chart, Images)
    assert [len(row) for row in chart.rows] == [3] * 7, "the rows, and three methods of two networks"


@pytest.mark.slow
def test_the_backdoor_appears_in_deep_layers_and_not_at_the_start(context: AnalysisContext) -> None:
    found, data = analyse({"drift": Drift()}, context, Rng(0))
    figures = values(found, "drift")
    assert figures["shifted_after.conv_1"] is None
    first = figures["shifted_after.output"]
    assert first is not None
    assert 0 < first <= 12 * 800
    shift, rows = data["analysis.drift.over_training"], data["analysis.drift.rows"]
    assert rows.tolist() == [800 * epoch for epoch in range(1, 13)]
    last = list(data["analysis.drift.layers"]).index("output")
    place = int(first) // 800 - 1
    assert shift[0, place, last] > 0.5
    assert (shift[0, :place, last] <= 0.5).all() or (shift[1, :place, last] > 0.5).any()
    assert shift[1, -1, last] < 0.5
    rows_, wanted = context.poisoned_rows()
    twin = drift_over_training((context.paths[1], context.paths[1]), TEST, rows_, wanted)
    assert twin.shifted_after() == [None] * len(twin.layers), "a control beside itself shows nothing"


def test_few_units_carry_the_backdoor(context: AnalysisContext) -> None:
    found, data = analyse({"neurons": Neurons(steps=9)}, context, Rng(0))
    assert str(data["analysis.neurons.layer"]) == "conv_2"
    share = values(found, "neurons")["silenced_units"]
    assert share is not None
    assert 0 < share < 0.7
    success = data["analysis.neurons.success"]
    place = data["analysis.neurons.silenced"].tolist().index(round(share * 8))
    assert success[0, place] <= success[0, 0] / 2 < success[0, place - 1]
    nothing = replace(context, poisoned=LabelFlip().poison(TRAIN, rng=Rng(0)))
    without, _ = analyse({"neurons": Neurons()}, nothing, Rng(0))
    assert values(without, "neurons") == {"silenced_units": None, "accuracy_when_silenced": None}
    assert not without.charts
    with pytest.raises(DataError, match="attacks none"):
        neurons(context.victim, Backdoor(trigger=Patch(), target=0), TEST.subset(TEST.y == 0), layer="conv_2")


def test_figures_of_weights_and_places(context: AnalysisContext) -> None:
    asked = {"filters": Filters(count=3), "embedding": Embedding(rows=50, poisoned_rows=20)}
    found, data = analyse(asked, context, Rng(0))
    assert data["analysis.filters.filters"].shape == (2, 3, 1, 3, 3)
    victim, control = map(first_layer_filters, context.networks)
    difference = float((victim - control).norm() / control.norm())
    assert values(found, "filters") == {"relative_difference": pytest.approx(difference)}
    assert data["analysis.embedding.places"].shape == (1, 2, 70, 2)
    assert set(data["analysis.embedding.wanted_classes"].tolist()) == {0}
    assert 0 not in data["analysis.embedding.poisoned_classes"]
    panels = found.charts["analysis.embedding.pca"]
    assert isinstance(panels, Panels)
    assert sum(len(group.xy) for group in panels.charts[0].groups) == 70  # type: ignore[attr-defined]


class OwnGoal:
    """A goal with a trigger of its own, and another wanted class for each class."""

    def attacked(self, test: Dataset) -> Dataset:
        return test

    def triggered(self, data: Dataset) -> Dataset:
        x = data.x.clone()
        x[:, :, -2:, :2] = 1
        return replace(data, x=x)

    def wanted(self, data: Dataset) -> torch.Tensor:
        return (data.y + 1) % len(data.classes)

    def success(self, classifier: Any, test: Dataset) -> float | None:
        return float((classifier.scores(self.triggered(test).inputs()).argmax(1) == self.wanted(test)).float().mean())


def test_a_goal_of_ones_own_is_analysed_like_a_backdoor(context: AnalysisContext) -> None:
    own = replace(context, poisoned=replace(context.poisoned, goal=OwnGoal()), paths=((), ()))
    rows, wanted = own.poisoned_rows()
    assert torch.equal(wanted, (rows.y + 1) % 4)
    assert bool((rows.x[:, :, -2:, :2] == 1).all())
    found, _ = analyse({"neurons": Neurons(steps=4), "saliency": Saliency(rows=2), "drift": Drift()}, own, Rng(0))
    assert "analysis.neurons.silencing" in found.charts
    assert values(found, "saliency")["trigger_share.gradient"] is not None
    assert values(found, "drift")["shift.output"] is not None


def test_two_analyses_of_one_kind_keep_their_figures_and_charts(context: AnalysisContext) -> None:
    found, data = analyse({"filters": Filters(count=3), "filters_2": Filters(count=5)}, context, Rng(0))
    assert list(found.charts) == ["analysis.filters.first_layer", "analysis.filters_2.first_layer"]
    assert len(found.figures) == 2
    assert [data[f"analysis.{name}.units"].shape for name in ("filters", "filters_2")] == [(3,), (5,)]


def test_figures_say_their_unit_and_direction(context: AnalysisContext) -> None:
    asked = {"probes": Probes(), "similarity": Similarity(), "drift": Drift(), "saliency": Saliency()}
    found, _ = analyse(asked, context, Rng(0))
    accuracy = found.figures["analysis.probes.penultimate_accuracy.control"]
    assert (accuracy.unit, accuracy.better, accuracy.headline, accuracy.control) == ("share", "high", True, True)
    assert accuracy.value == found.figures["analysis.probes.accuracy.activation_1.control"].value
    assert found.figures["analysis.similarity.penultimate_cka"].unit == "none", "it may fall below 0"
    assert found.figures["analysis.drift.shifted_after.output"].unit == "count"
    assert found.figures["analysis.saliency.trigger_share.guided"].better == "low"


@pytest.mark.parametrize(
    ("layer", "names"),
    [("output", {"softmax_accuracy"}), ("hidden_1", {"accuracy"})],
)
def test_one_probe_alone(layer: str, names: set[str], context: AnalysisContext) -> None:
    found, _ = analyse({"probes": Probes(layer=layer)}, context, Rng(0))
    assert {figure.name for figure in found.figures.values()} == names
    assert len(found.charts) == 1
