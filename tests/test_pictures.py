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
    Drift,
    Embedding,
    Filters,
    Neurons,
    Saliency,
    Scene,
    analyse,
    drift_over_training,
    embed,
    first_layer_filters,
    gradient_saliency,
    guided_backpropagation,
    integrated_gradients,
)
from antivenom.attacks import BadNets, LabelFlip
from antivenom.errors import CapabilityError, SettingsError
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
    with pytest.raises(CapabilityError, match="four rows"):
        embed(torch.zeros(3, 5), "pca", rng=Rng(0))
    table = as_classifier(nn.Linear(7, 2), input_shape=(7,))
    with pytest.raises(CapabilityError, match="no image"):
        first_layer_filters(table)
    with pytest.raises(SettingsError, match="different methods"):
        Embedding(methods=("pca", "pca"))
    with pytest.raises(CapabilityError, match="no layers"):
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
def scene() -> Scene:
    """A backdoor of the bottom left corner, and how victim and control came to it."""
    poisoned = BadNets(rate=0.2, target=0, trigger=Patch(size=2, position="bottom_left")).poison(TRAIN, rng=Rng(0))
    blank = CNN(filters=(8, 8), hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    both, paths = [], []
    for data in (poisoned.data, TRAIN):
        path: list[Checkpoint] = []

        def keep(epoch: Epoch, path: list[Checkpoint] = path) -> None:
            assert epoch.classifier is not None
            path.append(Checkpoint(epoch.rows, blank.with_state(epoch.classifier.state())))

        training = EndToEnd(epochs=12, learning_rate=5e-3, batch_size=32)
        both.append(training.fit(blank, data, rng=Rng(0), callbacks=(keep,)))
        paths.append(tuple(path))
    return Scene(both[0], both[1], poisoned, TEST, (paths[0], paths[1]))


def test_a_victim_looks_at_the_trigger(scene: Scene) -> None:
    found = analyse({"saliency": Saliency(rows=3)}, scene, Rng(0))
    for method in ("gradient", "guided", "integrated"):
        mine, theirs = found.values[f"salient.{method}"], found.values[f"control_salient.{method}"]
        assert mine is not None
        assert theirs is not None
        assert mine > 1.5 * theirs
    assert found.arrays["analysis.saliency.maps"].shape == (2, 3, 3, 1, 6, 6)


@pytest.mark.slow
def test_the_backdoor_appears_in_deep_layers_and_not_at_the_start(scene: Scene) -> None:
    found = analyse({"drift": Drift()}, scene, Rng(0))
    assert found.values["appears.conv_1"] is None
    appears = found.values["appears.output"]
    assert appears is not None
    assert 0 < appears <= 12 * 800
    moved, rows = found.arrays["analysis.drift.over_training"], found.arrays["analysis.drift.rows"]
    assert rows.tolist() == [800 * epoch for epoch in range(1, 13)]
    last = list(found.arrays["analysis.drift.layers"]).index("output")
    first = int(appears) // 800 - 1
    assert moved[0, first, last] > 0.5
    assert (moved[0, :first, last] <= 0.5).all() or (moved[1, :first, last] > 0.5).any()
    assert moved[1, -1, last] < 0.5
    pulled, towards = scene.pulled()
    twin = drift_over_training((scene.paths[1], scene.paths[1]), TEST, pulled, towards)
    assert twin.appears() == [None] * len(twin.layers), "a control beside itself shows nothing"


def test_few_units_carry_the_backdoor(scene: Scene) -> None:
    found = analyse({"neurons": Neurons(steps=9)}, scene, Rng(0))
    assert str(found.arrays["analysis.neurons.layer"]) == "conv_2"
    share = found.values["silenced_units"]
    assert share is not None
    assert 0 < share < 0.7
    success = found.arrays["analysis.neurons.success"]
    place = found.arrays["analysis.neurons.silenced"].tolist().index(round(share * 8))
    assert success[0, place] <= success[0, 0] / 2 < success[0, place - 1]
    nothing = replace(scene, poisoned=LabelFlip().poison(TRAIN, rng=Rng(0)))
    values = analyse({"neurons": Neurons()}, nothing, Rng(0)).values
    assert values == {"silenced_units": None, "accuracy_without_them": None}


def test_figures_of_weights_and_places(scene: Scene) -> None:
    found = analyse({"filters": Filters(count=3), "embedding": Embedding(rows=50, poisoned_rows=20)}, scene, Rng(0))
    assert found.arrays["analysis.filters.both"].shape == (2, 3, 1, 3, 3)
    victim, control = (first_layer_filters(one) for one in (scene.victim, scene.control))
    assert found.values["filters_apart"] == pytest.approx(float((victim - control).norm() / control.norm()))
    assert found.arrays["analysis.embedding.places"].shape == (1, 2, 70, 2)
    assert set(found.arrays["analysis.embedding.poisoned_towards"].tolist()) == {0}
    assert 0 not in found.arrays["analysis.embedding.poisoned_classes"]


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["badnets", "label_flip", "random_noise"])
def test_a_report_draws_them_all(attack: str, tmp_path: Any) -> None:
    from antivenom.report import write_report
    from antivenom.runner import Result, load_spec

    spec = {
        "model": {"name": "mlp", "hidden": [16]},
        "attack": {"name": attack, "rate": 0.2},
        "training": {"name": "end_to_end", "epochs": 4, "learning_rate": 5e-3, "checkpoints": 2},
        "analysis": ["drift", "neurons", "saliency", "filters", {"name": "embedding", "methods": ["pca", "tsne"]}],
    }
    result: Any = load_spec(spec).run(out=tmp_path / "run")
    assert len(result.repeats[0].examples["trajectory_rows"]) == 2
    write_report(tmp_path / "run")
    drawn = {file.stem for file in (tmp_path / "run" / "figures").iterdir()}
    assert {"features_by_layer", "saliency", "filters", "embedding", "trajectory"} <= drawn
    assert ("neurons" in drawn) == (attack == "badnets")
    assert ("drift_over_training" in drawn) == (attack != "random_noise")
    again = Result.load(tmp_path / "run")
    assert again.metrics == result.metrics
    assert "analysis.saliency.maps" in again.repeats[0].examples


def test_analyses_of_what_has_no_layers_are_refused_before_anything_runs() -> None:
    from antivenom import Experiment
    from antivenom.training import OwnFit

    model = as_classifier(SGDClassifier(), input_shape=(1, 8, 8), classes=10)
    experiment = Experiment(model=model, attack=LabelFlip(), training=OwnFit(), analysis=(Filters(),))
    with pytest.raises(SettingsError, match="the model has none"):
        experiment.run()
    assert list(Experiment(attack=LabelFlip(), analysis=(Filters(), Filters(count=2))).analyses) == [
        "filters",
        "filters_2",
    ]


@pytest.mark.parametrize(
    ("model", "asked", "said"),
    [
        ({"name": "mlp"}, {"analysis": [{"name": "probes", "layer": "nope"}]}, "probes: There is no layer 'nope'"),
        ({"name": "mlp"}, {"analysis": [{"name": "neurons", "layer": "flatten"}]}, "neurons: .* cannot be silenced"),
        ({"name": "mlp", "hidden": []}, {"analysis": ["neurons"]}, "neurons: .* no hidden layer"),
        (
            {"name": "mlp"},
            {"repairs": [{"name": "pruning", "layer": "nope"}], "defences": ["neural_cleanse"]},
            "pruning: There is no layer 'nope'",
        ),
        (
            {"name": "mlp", "hidden": []},
            {"repairs": [{"name": "pruning", "layer": "penultimate"}], "defences": ["neural_cleanse"]},
            "pruning: .* two linear layers",
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
