"""Saliency, filters, embeddings, neurons and drift over training: captum's results, closed forms, planted cases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
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
    integrated_gradients,
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


def network(*, inplace: bool = False, normalised: bool = False) -> Any:
    torch_net = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(inplace), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 12),
        nn.ReLU(inplace), nn.Dropout(0.5), nn.Linear(12, 4),
    )  # fmt: skip
    settings = {"mean": 0.3, "std": 0.4} if normalised else {}
    return as_classifier(torch_net, input_shape=(1, 6, 6), **settings).fresh(Rng(3))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_saliency_is_captums(inplace: bool, normalised: bool) -> None:
    from captum.attr import GuidedBackprop, IntegratedGradients
    from captum.attr import Saliency as Gradient

    net = network(inplace=inplace, normalised=normalised)
    plain = network(normalised=normalised).with_state(net.state())

    class Whole(nn.Module):
        """The network from rows to logits, as captum wants it."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = plain.module.eval()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return plain.logits(x) if normalised else self.inner(x)

    whole, x, y = Whole(), TEST.inputs(slice(0, 12)), TEST.y[:12]
    theirs = Gradient(whole).attribute(x.clone().requires_grad_(), target=y)
    assert torch.allclose(gradient_saliency(net, x, y), theirs, atol=1e-6)
    with pytest.warns(UserWarning, match="backward hooks"):
        theirs = GuidedBackprop(whole).attribute(x.clone().requires_grad_(), target=y)
    assert torch.allclose(guided_backpropagation(net, x, y), theirs, atol=1e-6)
    assert not torch.allclose(theirs.abs(), gradient_saliency(net, x, y), atol=1e-3), "guidance changes something"
    for baseline in (None, torch.full((1, 6, 6), 0.5)):
        given = None if baseline is None else baseline.expand_as(x)
        theirs = IntegratedGradients(whole).attribute(x.clone(), baselines=given, target=y, n_steps=50)
        assert torch.allclose(integrated_gradients(net, x, y, baseline=baseline), theirs, atol=1e-5)


def test_saliency_leaves_the_network_as_it_was() -> None:
    net = network(inplace=True)
    net.module.train()
    before = {name: value.clone() for name, value in net.module.state_dict().items()}
    guided_backpropagation(net, TEST.inputs(slice(0, 3)), TEST.y[:3])
    assert all(layer.training for layer in net.module.modules())
    assert all(layer.inplace for layer in net.module.modules() if isinstance(layer, nn.ReLU))
    assert all(not layer._backward_hooks for layer in net.module.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.module.state_dict().items())
    assert all(weight.grad is None for weight in net.module.parameters())


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


def test_filters_are_the_first_layers_weights() -> None:
    built = {"input_shape": (1, 6, 6), "classes": 4, "bounds": (0.0, 1.0), "rng": Rng(0)}
    dense, convolutional = MLP(hidden=(5,)).build(**built), CNN(filters=(4,), hidden=()).build(**built)
    assert torch.equal(first_layer_filters(dense).flatten(1), dense.module.hidden_1.weight)
    assert torch.equal(first_layer_filters(convolutional), convolutional.module.conv_1.weight)


@pytest.mark.slow
def test_embeddings_keep_neighbours_together() -> None:
    """Two clouds far apart stay apart; principal components are those of the singular value decomposition."""
    generator = Rng(0).child("clouds").generator()
    rows = torch.randn(60, 8, generator=generator)
    rows[30:] += 12
    for method in ("pca", "tsne", "umap"):
        places = embed(rows, method, rng=Rng(1))
        assert places.shape == (60, 2)
        centres = places[:30].mean(0), places[30:].mean(0)
        spread = max(places[:30].std(), places[30:].std())
        assert np.linalg.norm(centres[0] - centres[1]) > 2 * spread
        assert np.array_equal(places, embed(rows, method, rng=Rng(1)))
    values = torch.linalg.svdvals(rows - rows.mean(0))
    assert np.allclose(np.linalg.norm(embed(rows, "pca", rng=Rng(0)), axis=0), values[:2], rtol=1e-4)


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


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["badnets", "label_flip", "random_noise"])
def test_every_analysis_brings_its_charts(attack: str, tmp_path: Any) -> None:
    from antivenom.runner import Result, load_spec

    spec = {
        "model": {"name": "mlp", "hidden": [16]},
        "attack": {"name": attack, "rate": 0.2},
        "training": {"name": "end_to_end", "epochs": 4, "learning_rate": 5e-3, "checkpoints": 2},
        "analysis": ["drift", "neurons", "saliency", "filters", {"name": "embedding", "methods": ["pca", "tsne"]}],
    }
    result: Any = load_spec(spec).run(out=tmp_path / "run")
    assert len(result.charts["model.along_the_way"].charts[0].series[0].x) == 2
    again = Result.load(tmp_path / "run")
    assert again.metrics == result.metrics
    assert "analysis.saliency.maps" in again.data


def test_analyses_of_what_has_no_layers_are_refused_before_anything_runs() -> None:
    from antivenom import Experiment
    from antivenom.training import OwnFit

    model = as_classifier(SGDClassifier(), input_shape=(1, 8, 8), classes=10)
    experiment = Experiment(model=model, attack=LabelFlip(), training=OwnFit(), analysis=(Filters(),))
    with pytest.raises(SettingsError, match="filters requires layers"):
        experiment.run()
    assert list(Experiment(attack=LabelFlip(), analysis=(Filters(), Filters(count=2))).analyses) == [
        "filters(count=16)",
        "filters(count=2)",
    ]


@pytest.mark.parametrize(
    ("model", "asked", "said"),
    [
        ({"name": "mlp"}, {"analysis": [{"name": "probes", "layer": "nope"}]}, "probes: Unknown layer 'nope'"),
        ({"name": "mlp"}, {"analysis": [{"name": "neurons", "layer": "flatten"}]}, "neurons: .* has no units"),
        ({"name": "mlp", "hidden": []}, {"analysis": ["neurons"]}, "neurons: .* requires a hidden layer"),
        (
            {"name": "mlp"},
            {"repairs": [{"name": "pruning", "layer": "nope"}], "defences": ["neural_cleanse"]},
            "pruning: Unknown layer 'nope'",
        ),
        (
            {"name": "mlp", "hidden": []},
            {"repairs": [{"name": "pruning", "layer": "penultimate"}], "defences": ["neural_cleanse"]},
            "pruning: .* 2 linear layers",
        ),
    ],
)
def test_layers_that_are_not_there_are_refused_before_anything_runs(
    model: dict[str, Any], asked: dict[str, Any], said: str, tmp_path: Path
) -> None:
    from antivenom.runner import load_spec

    with pytest.raises(SettingsError, match=said):
        load_spec({"model": model, "attack": "badnets", **asked}).run(out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
