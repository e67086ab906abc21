"""Repairs: what each does to a planted backdoor beside plain fine-tuning, and within an experiment."""

from pathlib import Path
from typing import Any

import pytest
import torch

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import MLP
from antivenom.repairs import FineTuning, Pruning, Unlearning
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, load_spec
from tests.helpers.planted import CLEAN


def test_without_a_verdict_there_is_nothing_to_unlearn() -> None:
    net = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    for repair in (Unlearning(), Pruning()):
        with pytest.raises(CapabilityError, match="requires a scan's verdict"):
            repair.repair(net, CLEAN, rng=Rng(0))
    assert not torch.equal(
        FineTuning().repair(net, CLEAN, rng=Rng(0)).state()["output.weight"], net.state()["output.weight"]
    )
    with pytest.raises(SettingsError, match="requires a scan that recovers triggers"):
        load_spec({"attack": "badnets", "repairs": ["unlearning"]}).run()
    with pytest.raises(SettingsError, match="requires a scan that recovers triggers"):
        nested = {"name": "sequential", "repairs": ["fine_tuning", "pruning"]}
        load_spec({"attack": "badnets", "repairs": [nested]}).run()


@pytest.mark.slow
def test_an_experiment_repairs_victim_and_control(tmp_path: Path) -> None:
    spec: dict[str, Any] = {
        "model": {"name": "cnn", "filters": [8], "hidden": [32]},
        "attack": {"name": "badnets", "rate": 0.1, "target": 7, "trigger": {"name": "patch", "size": 2}},
        "training": {"name": "end_to_end", "epochs": 12, "learning_rate": 5e-3, "batch_size": 64},
        "defences": [{"name": "neural_cleanse", "steps": 250}],
        "repairs": [{"name": "unlearning", "epochs": 15, "batch_size": 16}, {"name": "fine_tuning", "epochs": 15}],
        "trusted": 0.6,
    }
    made = load_spec(spec)
    assert isinstance(made, Experiment)
    result = made.run(out=tmp_path / "run")
    mean: dict[str, Any] = {name: entry["mean"] for name, entry in result.metrics.items()}
    assert mean["attack.success_rate"] > 0.9
    assert mean["repair.unlearning.attack_success_rate"] < 0.4
    assert mean["repair.fine_tuning.attack_success_rate"] > 0.6, "doing almost nothing does almost nothing"
    assert mean["repair.unlearning.accuracy_drop.control"] == 0, "the control is not flagged, so it is left alone"
    text = write_report(tmp_path / "run").read_text()
    assert '<th scope="row" class="left">unlearning</th>' in text
    assert Result.load(tmp_path / "run").metrics == result.metrics


def test_repairs_alone_need_no_scan() -> None:
    spec = {"model": {"name": "mlp", "hidden": [16]}, "attack": "label_flip", "repairs": ["fine_tuning"]}
    result: Any = load_spec({**spec, "training": {"name": "end_to_end", "epochs": 2}}).run()
    assert 0 <= result.metrics["repair.fine_tuning.clean_accuracy"]["mean"] <= 1
    assert result.metrics["repair.fine_tuning.attack_success_rate"]["mean"] is None
