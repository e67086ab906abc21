"""Repairs: what each does to a planted backdoor beside plain fine-tuning, and within an experiment."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from antivenom.attacks import BadNets
from antivenom.charts import Axis, Figure, Lines, Series, WithEvidence
from antivenom.defences import RecoveredTriggers, Subject, Verdict
from antivenom.defences.neural_cleanse.outliers import Prior, p_values_and_thresholds
from antivenom.errors import CapabilityError, SettingsError
from antivenom.goals import Backdoor
from antivenom.metrics import accuracy, confusion, coverage
from antivenom.models import CNN, MLP, Filtered, as_classifier, predictions
from antivenom.repairs import Filtering, FinePruning, FineTuning, Pruning, Sequential, Unlearning, apply_repair
from antivenom.repairs.layer import find_layer
from antivenom.repairs.pruning import contributions, silencing_effects
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, load_spec
from antivenom.settings import component
from antivenom.testing import toy_images
from antivenom.training import EndToEnd
from antivenom.triggers import Patch

CLEAN = toy_images(80, seed=1)


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


def test_the_layer_that_is_pruned() -> None:
    built = {"input_shape": (1, 6, 6), "classes": 4, "bounds": (0.0, 1.0), "rng": Rng(0)}
    convolutional, dense = CNN(filters=(4, 4), hidden=(8,)).build(**built), MLP(hidden=(8, 6)).build(**built)
    assert find_layer(convolutional, None) == "conv_2"
    assert find_layer(convolutional, "penultimate") == "hidden_1"
    assert find_layer(convolutional, "conv_1") == "conv_1"
    assert find_layer(dense, None) == find_layer(dense, "penultimate") == "hidden_2"
    with pytest.raises(CapabilityError, match="requires a hidden layer"):
        find_layer(MLP(hidden=()).build(**built), None)


class Bright:
    """A gate that refuses bright rows."""

    def accepts(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).mean(1) < 0.5


def test_what_a_gate_refuses_gets_no_answer() -> None:
    net = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    data = CLEAN.subset(torch.arange(8))
    bright = torch.zeros(8, 1, 6, 6, dtype=torch.uint8)
    bright[:3] = 255
    data = replace(data, x=bright)
    kept = Filtered(net, Bright())
    assert predictions(kept, data).tolist()[:3] == [-1] * 3
    assert torch.equal(predictions(kept, data)[3:], predictions(net, data)[3:])
    assert coverage(kept, data) == 5 / 8
    assert coverage(net, data) == 1
    assert accuracy(kept, data) == float((predictions(net, data)[3:] == data.y[3:]).sum()) / 8
    assert int(confusion(kept, data).sum()) == 5
    assert (kept.classes, kept.can) == (net.classes, net.can)
    again = apply_repair(FineTuning(epochs=1), kept, CLEAN, rng=Rng(0), verdict=None).result
    assert isinstance(again, Filtered)
    assert again.gate is kept.gate
    assert not torch.equal(again.state()["output.weight"], net.state()["output.weight"])


def planted() -> tuple[Any, Backdoor, Verdict]:
    """A network with a backdoor, and what a perfect scan would say of it."""
    train = toy_images(480)
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(train, rng=Rng(0))
    blank = CNN(filters=(16,), hidden=(32,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    victim = EndToEnd(epochs=15, learning_rate=5e-3, batch_size=32).fit(blank, poisoned.data, rng=Rng(1))
    masks = torch.zeros(4, 1, 6, 6)
    masks[2, :, -2:, :2] = 1
    norms = torch.tensor([30.0, 33, 4, 35], dtype=torch.float64)
    p_value, threshold = p_values_and_thresholds(norms, torch.arange(4), 0.05, Prior())
    found = Verdict(
        subjects=tuple(Subject(target=number) for number in range(4)),
        statistic=norms,
        threshold=threshold,
        p_value=p_value,
        flagged=p_value <= 0.05,
        inconclusive=p_value.isnan(),
        false_alarm_rate=0.05,
        triggers=RecoveredTriggers(
            targets=torch.arange(4), masks=masks, patterns=torch.ones(4, 1, 6, 6), success=torch.ones(4)
        ),
    )
    assert found.suspected == (2,)
    assert isinstance(poisoned.goal, Backdoor)
    return victim, poisoned.goal, found


def test_a_filter_refuses_triggered_rows_and_hardly_any_others() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(400, seed=1), toy_images(400, seed=2)
    kept = Filtering(layer="conv_1", false_rejection_rate=0.05).repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert 0.89 <= coverage(kept, test) < 1
    assert coverage(kept, goal.triggered(goal.attacked(test))) < 0.1
    assert (goal.success(kept, test) or 0) < 0.1 < 0.9 < (goal.success(victim, test) or 0)
    calm = replace(verdict, flagged=torch.zeros(4, dtype=torch.bool))
    assert coverage(Filtering().repair(victim, clean, rng=Rng(0), verdict=calm), test) == 1


def test_pruning_by_effect_keeps_more_than_by_activation() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(400, seed=1), toy_images(400, seed=2)
    by_effect = Pruning(limit=0.05).repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert (goal.success(by_effect, test) or 0) < 0.2
    assert accuracy(by_effect, test) > accuracy(victim, test) - 0.06
    silent = (by_effect.state()["conv_1.weight"].flatten(1).abs().sum(1) == 0).sum()
    assert 0 < int(silent) < 16


def test_the_effect_of_silencing_is_measured_to_first_order() -> None:
    """In a network that is linear behind the layer, the first order is all there is."""
    victim, _, verdict = planted()
    clean = toy_images(64, seed=1)
    linear = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Linear(8, 4)), input_shape=(1, 6, 6))
    x = clean.inputs()
    got = contributions(linear, x, "1", first_logit)
    before = float(first_logit(linear.logits(x)).detach())
    for unit in range(8):
        without = linear.silence("1", torch.tensor([unit]))
        assert float(got[unit]) == pytest.approx(before - float(first_logit(without.logits(x)).detach()), abs=1e-4)
    assert silencing_effects(victim, clean, verdict.triggers, (2,), "conv_1").shape == (16,)


def first_logit(logits: torch.Tensor) -> torch.Tensor:
    return logits[:, 0].sum()


def test_fine_pruning_silences_what_sleeps_and_keeps_it_silent() -> None:
    victim, _, _ = planted()
    clean, test = toy_images(200, seed=1), toy_images(400, seed=2)
    dead = victim.silence("conv_1", torch.tensor([3]))
    mended = FinePruning(limit=1e-6, epochs=2).repair(dead, clean, rng=Rng(0))
    assert float(mended.state()["conv_1.weight"][3].abs().sum()) == 0
    assert accuracy(mended, test) > accuracy(dead, test) - 0.02
    assert not torch.equal(mended.state()["output.weight"], dead.state()["output.weight"])


def test_repairs_in_order_are_each_of_what_the_one_before_gave() -> None:
    victim, goal, verdict = planted()
    clean, test = toy_images(200, seed=1), toy_images(400, seed=2)
    parts = (Filtering(layer="conv_1"), Unlearning(epochs=2))
    both = Sequential(repairs=parts).repair(victim, clean, rng=Rng(0), verdict=verdict).result
    assert isinstance(both, Filtered)
    by_hand = parts[0].repair(victim, clean, rng=Rng(0).child(0), verdict=verdict)
    by_hand = parts[1].repair(by_hand.classifier, clean, rng=Rng(0).child(1), verdict=verdict)
    assert all(torch.equal(each, both.state()[name]) for name, each in by_hand.state().items())
    assert coverage(both, goal.triggered(goal.attacked(test))) < 0.1
    assert Sequential(repairs=(FineTuning(),)).needs == {"gradients"}
    assert Sequential().needs == {"gradients", "triggers"}


@component
class Reports:
    """A repair that changes nothing and reports its evidence."""

    needs = frozenset[str]()
    value: float = 0.0

    def repair(
        self,
        classifier: Any,
        clean: Any,
        *,
        rng: Rng,
        verdict: Verdict | None = None,
    ) -> WithEvidence[Any]:
        points = Series(x=np.arange(2), y=np.full(2, self.value))
        chart = Lines(name="curve", series=(points,), x=Axis(label="x"), y=Axis(label="y"), caption="A.", alt="A.")
        return WithEvidence(classifier.copy(), (Figure(name="changed", value=self.value),), (chart,))


def test_repairs_in_sequence_pass_on_figures_and_charts() -> None:
    net = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    three: Any = (Reports(value=0.25), FineTuning(epochs=1), Reports(value=0.75))
    made = Sequential(repairs=three).repair(net, CLEAN, rng=Rng(0))
    assert [(figure.key, figure.value) for figure in made.figures] == [
        ("step_1_changed", 0.25),
        ("step_3_changed", 0.75),
    ]
    assert [chart.name for chart in made.charts] == ["step_1_curve", "step_3_curve"]
    behind = apply_repair(Sequential(repairs=three), Filtered(net, Bright()), CLEAN, rng=Rng(0), verdict=None)
    assert [figure.key for figure in behind.figures] == ["step_1_changed", "step_3_changed"]
    nested: Any = (Sequential(repairs=three),)
    assert Sequential(repairs=nested).repair(net, CLEAN, rng=Rng(0)).figures[1].key == "step_1_step_3_changed"


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
