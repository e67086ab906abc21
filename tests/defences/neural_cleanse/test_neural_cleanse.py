"""Neural Cleanse: all classes at once against each alone, the arithmetic of the verdict, and the referee's words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.linear_model import SGDClassifier
from torch import nn

from antivenom.attacks import BadNets
from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse
from antivenom.defences.neural_cleanse.inversion import Inversion
from antivenom.defences.neural_cleanse.search_settings import Search
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.goals import Backdoor
from antivenom.models import as_classifier
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, Store, load_spec
from antivenom.runner.events import Finished
from antivenom.runner.scoring.scans import overlap
from antivenom.testing import toy_table
from antivenom.training import EndToEnd
from antivenom.triggers import Patch
from tests.helpers.easy_images import CLEAN

SETTINGS: dict[str, Any] = {
    "steps": 50, "batch_size": 16, "norm": "l1", "per_channel": False, "learning_rate": 0.1, "init_cost": 1e-2,
    "cost_multiplier": 1.5, "attack_success_threshold": 0.95, "patience": 2, "window": 3, "early_stop": False,
    "early_stop_threshold": 0.99, "early_stop_patience": 10,
}  # fmt: skip


# The verdict ----------------------------------------------------------------------------------------------------------


def test_a_backdoor_is_found_and_its_control_is_not(both: Any) -> None:
    victim, control, goal = both
    before = victim.state()
    scan = NeuralCleanse(batch_size=16, steps=400)
    said, twin = (scan.scan(one, CLEAN, rng=Rng(3)) for one in (victim, control))
    assert int(said.statistic.argmin()) == goal.target
    assert float(said.statistic[2]) < 0.6 * float(said.statistic[[0, 1, 3]].min())
    assert float(twin.statistic.min()) > 1.5 * float(said.statistic[2])
    assert (
        overlap(said.triggers.masks[2], goal, CLEAN, 2).precision
        > 0.9
        > overlap(twin.triggers.masks[2], goal, CLEAN, 2).precision
    )
    assert float(said.triggers.success[2]) > 0.9
    x = CLEAN.inputs()
    assert float((victim.scores(said.triggers.apply(x, 2)).argmax(1) == 2).float().mean()) > 0.9
    assert all(torch.equal(value, before[name]) for name, value in victim.state().items())
    assert all(weight.requires_grad and weight.grad is None for weight in victim.module.parameters())


def many_classes() -> tuple[Any, Any]:
    """A network of 24 classes, of which one answers to a single pixel, and rows for it."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 24))
    draw = Rng(4).generator()
    with torch.no_grad():
        weight, bias = (0.5 * torch.randn(shape, generator=draw) for shape in ((24, 64), (24,)))
        weight[5, 9] = 30.0
        module.load_state_dict({"1.weight": weight, "1.bias": bias})
    net = as_classifier(module, input_shape=(1, 8, 8))
    x = torch.rand(200, 1, 8, 8, generator=draw)
    x[:, 0, 1, 1] = 0
    y = net.scores(x).argmax(1)
    return net, Dataset.from_arrays(x, y, classes=tuple(map(str, range(24))), bounds=(0.0, 1.0))


@pytest.mark.slow
def test_rounds_keep_the_backdoor_and_cost_less() -> None:
    net, data = many_classes()
    said, oracle = (NeuralCleanse(schedule=each).scan(net, data, rng=Rng(0)) for each in ("successive", "all"))
    assert said.suspected == oracle.suspected == (5,)
    assert said.figure("rows_scored") < 0.5 * oracle.figure("rows_scored")
    dropped = said.triggers.success.isnan()
    assert int(dropped.sum()) == 14, "ten classes are compared with each other"
    assert (said.p_value[dropped] == 1).all()
    assert not said.inconclusive.any()
    assert said.threshold[~dropped].isfinite().all()
    assert float(said.triggers.masks[5].sum()) == pytest.approx(float(oracle.triggers.masks[5].sum()), rel=0.1), (
        "it was searched to its end"
    )


@pytest.mark.slow
def test_a_trigger_that_is_restart_search_is_no_larger(both: Any) -> None:
    victim, _, goal = both
    scan = NeuralCleanse(batch_size=16, steps=300, false_alarm_rate=0.9)
    once, again = (replace(scan, restarts=count).scan(victim, CLEAN, rng=Rng(3)) for count in (0, 4))
    assert goal.target in once.suspected
    assert torch.equal(once.p_value, again.p_value), "the verdict stays as it is"
    sizes = [said.triggers.masks.flatten(1).sum(1)[goal.target] for said in (once, again)]
    assert float(sizes[1]) <= float(sizes[0])
    assert again.figure("rows_scored") > once.figure("rows_scored")
    assert torch.equal(again.triggers.masks, replace(scan, restarts=4).scan(victim, CLEAN, rng=Rng(3)).triggers.masks)


def test_classes_are_held_against_each_other_at_one_step(both: Any) -> None:
    inversion = Inversion(both[0], CLEAN, torch.arange(4), Search(**{**SETTINGS, "steps": 300}), Rng(5))
    inversion.run_to_first_failure(torch.arange(4))
    assert len(set(inversion.taken.tolist())) == 1
    assert int(inversion.gone["down"].sum()) >= 3
    taken = int(inversion.taken[0])
    inversion.finish(torch.tensor([1]))
    assert inversion.taken.tolist() == [taken, 300, taken, taken]


@pytest.mark.slow
def test_what_was_not_reached_is_inconclusive(both: Any) -> None:
    said = NeuralCleanse(steps=3, window=5).scan(both[0], CLEAN, rng=Rng(0))
    assert said.inconclusive.all()
    assert not said.flagged.any()
    assert said.p_value.isnan().all()


@pytest.mark.slow
def test_a_clean_network_of_three_classes_is_not_flagged() -> None:
    rows = replace(CLEAN.subset(CLEAN.y < 3), classes=("a", "b", "c"))
    for seed in range(3):
        few = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), input_shape=(1, 6, 6))
        trained = EndToEnd(epochs=10, learning_rate=1e-2).fit(few, rows, rng=Rng(seed))
        said = NeuralCleanse(steps=200).scan(trained, rows, rng=Rng(0))
        assert not said.flagged.any()


def test_rows_that_are_no_images_are_scanned_too() -> None:
    data = toy_table(240)
    net = as_classifier(nn.Linear(8, 4), input_shape=(8,))
    trained = EndToEnd(epochs=10, learning_rate=1e-2).fit(net, data, rng=Rng(0))
    said = NeuralCleanse(steps=120).scan(trained, data, rng=Rng(0))
    assert said.triggers.masks.shape == (4, 8)
    goal = Backdoor(trigger=Patch(size=1), target=1)
    changed = (goal.triggered(data).x != data.x).any(0)
    everywhere, exact = (overlap(each, goal, data, 1) for each in (torch.ones(8), changed.float()))
    assert (exact.precision, exact.iou) == (1, 1)
    assert everywhere.precision == everywhere.iou == pytest.approx(float(changed.float().mean()))


def test_what_cannot_be_scanned_is_refused(both: Any) -> None:
    linear = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    with pytest.raises(CapabilityError, match="NeuralCleanse requires gradients, which SGDClassifier does not provide"):
        NeuralCleanse().scan(linear, CLEAN, rng=Rng(0))
    with pytest.raises(DataError, match="requires clean rows; got 0"):
        NeuralCleanse().scan(both[0], CLEAN.subset(torch.arange(0)), rng=Rng(0))
    with pytest.raises(SettingsError, match="steps must be"):
        NeuralCleanse(steps=0)
    with pytest.raises(SettingsError, match="requires gradients"):
        from antivenom.training import OwnFit

        attack = BadNets()
        digits = as_classifier(SGDClassifier(), input_shape=(1, 8, 8), classes=10)
        Experiment(model=digits, attack=attack, training=OwnFit(), defences=(NeuralCleanse(),)).run()


SPEC: dict[str, Any] = {
    "model": {"name": "cnn", "filters": [8], "hidden": [32]},
    "attack": {"name": "badnets", "rate": 0.1, "target": 7, "trigger": {"name": "patch", "size": 2}},
    "training": {"name": "end_to_end", "epochs": 12, "learning_rate": 5e-3, "batch_size": 64},
    "defences": [{"name": "neural_cleanse", "steps": 250}],
    "trusted": 0.5,
}


# Within an experiment -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_scans_victim_and_control_and_draws_what_it_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = load_spec(SPEC)
    assert isinstance(made, Experiment)
    result = made.run(out=tmp_path / "run", store=store)
    found = {name: entry["mean"] for name, entry in result.metrics.items() if name.startswith("scan.")}
    assert found["scan.neural_cleanse.identified"] == 1
    assert found["scan.neural_cleanse.flagged.control"] == 0
    inside = found["scan.neural_cleanse.mask_precision"]
    assert inside is not None
    assert inside > 0.3
    write_report(tmp_path / "run")
    assert (tmp_path / "run" / "figures" / "scan.neural_cleanse.norms.png").is_file()
    loaded = Result.load(tmp_path / "run")
    triggers: Any = loaded.charts["scan.neural_cleanse.triggers"]
    assert [len(row) for row in triggers.rows] == [10, 10]
    told: list[Any] = []
    again = made.run(store=store, on_event=told.append)
    assert again.metrics == result.metrics
    scans = [each for each in told if isinstance(each, Finished) and each.stage.startswith("scan")]
    assert len(scans) == 2
    assert all(each.stored for each in scans), "ten repairs must share one verdict"
