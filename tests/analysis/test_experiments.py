"""Analyses within an experiment: their charts, and what is refused before anything runs."""

from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import SGDClassifier

from antivenom.analysis import (
    Filters,
)
from antivenom.attacks import LabelFlip
from antivenom.errors import SettingsError
from antivenom.models import as_classifier


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
    with pytest.raises(SettingsError, match="filters requires features"):
        experiment.run()
    assert list(Experiment(attack=LabelFlip(), analysis=(Filters(), Filters(count=2))).analyses) == [
        "filters(count=16)",
        "filters(count=2)",
    ]


@pytest.mark.parametrize(
    ("model", "asked", "said"),
    [
        ({"name": "mlp"}, {"analysis": [{"name": "probes", "layer": "nope"}]}, "probes: Unknown layer 'nope'"),
        (
            {"name": "mlp"},
            {"analysis": [{"name": "neurons", "layer": "flatten"}]},
            "neurons: .* has no units to silence",
        ),
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


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["badnets", "label_flip", "random_noise"])
def test_an_experiment_studies_the_features_and_draws_them(attack: str, tmp_path: Any) -> None:
    from antivenom.report import write_report
    from antivenom.runner import Result, load_spec

    spec = {
        "model": {"name": "mlp", "hidden": [16]},
        "attack": {"name": attack, "rate": 0.2},
        "training": {"name": "end_to_end", "epochs": 3, "learning_rate": 5e-3},
        "analysis": ["similarity", "probes", "drift"],
    }
    result: Any = load_spec(spec).run(out=tmp_path / "run")
    mean = {name: entry["mean"] for name, entry in result.metrics.items()}
    for layer in ("hidden_1", "activation_1", "output"):
        assert 0.3 < mean[f"analysis.similarity.cka.{layer}"] <= 1
        assert mean[f"analysis.probes.accuracy.{layer}"] > 0.7
        assert mean[f"analysis.probes.accuracy.{layer}.control"] > 0.7
        assert (mean[f"analysis.drift.shift.{layer}"] is None) == (attack == "random_noise")  # its labels are true
    assert mean["analysis.similarity.penultimate_cka"] == mean["analysis.similarity.cka.activation_1"]
    assert mean["analysis.probes.penultimate_accuracy"] == mean["analysis.probes.accuracy.activation_1"]
    assert result.data["analysis.similarity.matrix"].shape == (3, 3)
    write_report(tmp_path / "run")
    assert Result.load(tmp_path / "run").metrics == result.metrics
    with pytest.raises(SettingsError, match="analysis"):
        load_spec({**spec, "analysis": ["astrology"]})
