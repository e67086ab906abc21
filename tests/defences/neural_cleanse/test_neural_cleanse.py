"""Neural Cleanse: all classes at once against each alone, the arithmetic of the verdict, and the referee's words."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import SGDClassifier
from torch import nn
from torch.nn import functional

from antivenom.attacks import BadNets
from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse
from antivenom.defences.neural_cleanse.inversion import TANH_MARGIN, Inversion, Search, norm_of
from antivenom.defences.neural_cleanse.outliers import Prior, anomaly_index, p_values, thresholds
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.goals import Backdoor
from antivenom.models import CNN, as_classifier
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, Store, load_spec
from antivenom.runner.events import Finished
from antivenom.runner.scoring.scans import overlap
from antivenom.testing import toy_images, toy_table
from antivenom.training import EndToEnd
from antivenom.triggers import Patch

TRAIN, CLEAN = toy_images(480), toy_images(128, seed=1)
SETTINGS: dict[str, Any] = {
    "steps": 50, "batch_size": 16, "norm": "l1", "per_channel": False, "learning_rate": 0.1, "init_cost": 1e-2,
    "cost_multiplier": 1.5, "attack_success_threshold": 0.95, "patience": 2, "window": 3, "early_stop": False,
    "early_stop_threshold": 0.99, "early_stop_patience": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any, Backdoor]:
    """A backdoored network, its control, and the backdoor."""
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(TRAIN, rng=Rng(0))
    blank = CNN(filters=(8,), hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    training = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32)
    victim, control = (training.fit(blank, data, rng=Rng(1)) for data in (poisoned.data, TRAIN))
    assert isinstance(poisoned.goal, Backdoor)
    assert (poisoned.goal.success(victim, CLEAN) or 0) > 0.95
    return victim, control, poisoned.goal


def one_by_one(classifier: Any, target: int, search: Search, rng: Rng, steps: int) -> tuple[Any, Any, list[float]]:
    """One class, written for reading: torch's own Adam, and the authors' schedule in plain numbers."""
    classifier, generator = classifier.copy(), rng.child("start", target).generator()
    channels = CLEAN.shape[0] if search.per_channel else 1
    shapes = ((channels, *CLEAN.shape[1:]), CLEAN.shape)
    raw = [torch.atanh((torch.rand(shape, generator=generator) - 0.5) * (2 - TANH_MARGIN)) for shape in shapes]
    raw = [part.requires_grad_() for part in raw]
    optimizer = torch.optim.Adam(raw, lr=search.learning_rate, betas=(0.5, 0.9))
    cost, set_, up, down, recent, costs = 0.0, 0, 0, 0, [], []
    each = len(CLEAN) // search.batch_size
    best, best_norm = None, math.inf
    for step in range(steps):
        order = rng.child("order", step // each).order(CLEAN.ids)
        rows = order[(step % each) * search.batch_size : (step % each + 1) * search.batch_size]
        x = CLEAN.inputs(rows)
        mask, pattern = (part.tanh() / (2 - TANH_MARGIN) + 0.5 for part in raw)
        logits = classifier.logits((1 - mask) * x + mask * pattern)
        norm = {"l1": mask.sum(), "l2": mask.square().sum().sqrt(), "linf": mask.max()}[search.norm]
        wanted = torch.full((len(x),), target)
        loss = functional.cross_entropy(logits, wanted) + cost * norm
        optimizer.zero_grad()
        loss.backward()
        recent = [*recent, float((logits.argmax(1) == target).float().mean())][-search.window :]
        good = len(recent) == search.window and sum(recent) / search.window >= search.attack_success_threshold
        if good and float(norm.detach()) < best_norm:
            best_norm, best = float(norm.detach()), mask.detach().clone()
        optimizer.step()
        if cost == 0:
            set_ = set_ + 1 if good else 0
            if set_ >= search.patience:
                cost, up, down = search.init_cost, 0, 0
        elif good:
            up, down = up + 1, 0
            if up >= search.patience:
                up, cost = 0, cost * search.cost_multiplier
        else:
            up, down = 0, down + 1
            if down >= search.patience:
                down, cost = 0, cost / search.cost_multiplier**1.5
        costs.append(cost)
    return [part.detach() for part in raw], best, costs


@pytest.mark.slow
@pytest.mark.parametrize(
    ("norm", "per_channel", "chunks"),
    [("l1", False, 1 << 30), ("l2", False, 1 << 30), ("linf", False, 1 << 30), ("l1", True, 1 << 30), ("l2", False, 1)],
)
def test_all_classes_at_once_are_each_class_alone(both: Any, norm: Any, per_channel: bool, chunks: int) -> None:
    search = Search(**{**SETTINGS, "norm": norm, "per_channel": per_channel})
    inversion = Inversion(both[0], CLEAN, torch.arange(4), search, Rng(5), chunks)
    inversion.finish(torch.arange(4))
    found = inversion.result()
    assert found.steps.tolist() == [50] * 4
    for target in range(4):
        raw, best, costs = one_by_one(both[0], target, search, Rng(5), 50)
        for mine, theirs in zip(inversion.raw, raw, strict=True):
            assert torch.allclose(mine[target], theirs, atol=1e-4)
        assert float(inversion.cost[target]) == pytest.approx(costs[-1], rel=1e-5)
        assert bool(found.reached[target]) == (best is not None)
        if best is not None:
            assert torch.allclose(found.masks[target], best, atol=1e-4)


def test_a_class_does_not_depend_on_the_others(both: Any) -> None:
    search = Search(**{**SETTINGS, "early_stop": True, "steps": 200})
    inversions = [Inversion(both[0], CLEAN, which, search, Rng(5)) for which in (torch.arange(4), torch.tensor([2]))]
    for each in inversions:
        each.finish(torch.arange(len(each.targets)))
    whole, alone = (each.result() for each in inversions)
    assert torch.allclose(whole.masks[2], alone.masks[0], atol=1e-4)
    assert int(whole.steps[2]) == int(alone.steps[0])


def test_norms_are_theirs() -> None:
    masks = torch.tensor([[[[0.3, 0.4]]], [[[0.0, 1.0]]]])
    assert norm_of(masks, "l1").tolist() == pytest.approx([0.7, 1.0])
    assert norm_of(masks, "l2").tolist() == pytest.approx([0.5, 1.0])
    assert norm_of(masks, "linf").tolist() == pytest.approx([0.4, 1.0])
    still = torch.zeros(1, 1, 2, 2, requires_grad=True)
    norm_of(still, "l2").sum().backward()
    assert still.grad is not None
    assert bool(torch.isfinite(still.grad).all())


# The verdict ----------------------------------------------------------------------------------------------------------


def test_the_anomaly_index_is_the_papers() -> None:
    norms = np.array([90.0, 100, 110, 95, 105, 20])
    deviation = 1.4826 * np.median(np.abs(norms - np.median(norms)))
    assert anomaly_index(norms)[5] == pytest.approx((np.median(norms) - 20) / deviation)
    assert anomaly_index(norms)[2] == 0
    assert anomaly_index(np.array([5.0, 5, 5, 5])).tolist() == [0, 0, 0, 0]
    assert anomaly_index(np.array([5.0, 5, 5, 1])).tolist() == [0, 0, 0, math.inf]
    assert np.isnan(anomaly_index(np.array([5.0, 6, np.nan, 7]))).tolist() == [False, False, True, False]


def test_p_values_are_students_and_keep_their_promise() -> None:
    norms = np.array([90.0, 100, 110, 95, 105, 20])
    logs = np.log(norms)
    others = np.delete(logs, 5)
    t = (logs[5] - others.mean()) / (others.std(ddof=1) * math.sqrt(1 + 1 / 5))
    assert p_values(norms)[5] == pytest.approx(6 * stats.t.cdf(t, 4))
    assert np.isnan(p_values(np.array([1.0, 2, 3]))).all()
    assert np.isnan(p_values(np.array([1.0, np.nan, 3, 4]))).all()
    assert p_values(np.array([5.0, 5, 5, 5, 5])).tolist() == [1.0] * 5
    assert p_values(np.array([5.0, 5, 5, 5, 1]))[4] == 0
    for index, threshold in enumerate(thresholds(norms, 0.05)):
        moved = norms.copy()
        moved[index] = threshold
        assert p_values(moved)[index] == pytest.approx(0.05)
    draws = np.exp(Rng(0).numpy().normal(4, 0.4, (2000, 10)))
    alarms = np.mean([(p_values(row) <= 0.05).any() for row in draws])
    assert alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert alarms > 0.03, "a promise that is kept by never saying anything is no promise"


def test_a_prior_moderates_the_spread() -> None:
    norms = np.array([90.0, 100, 110, 95, 105, 70])
    logs = np.log(norms)
    others = np.delete(logs, 5)
    spread = math.sqrt((10 * 0.35**2 + 4 * others.var(ddof=1)) / 14)
    t = (logs[5] - others.mean()) / (spread * math.sqrt(1 + 1 / 5))
    prior = Prior(spread=0.35, weight=10)
    assert p_values(norms, prior=prior)[5] == pytest.approx(min(1, 6 * stats.t.cdf(t, 14)))
    assert p_values(norms)[5] < 0.05 < p_values(norms, prior=prior)[5], "classes that happen to be alike"
    moved = norms.copy()
    moved[2] = thresholds(norms, 0.05, prior=prior)[2]
    assert p_values(moved, prior=prior)[2] == pytest.approx(0.05)
    draws = np.exp(Rng(1).numpy().normal(4, 0.3, (1000, 10)))
    assert np.mean([(p_values(row, prior=prior) <= 0.05).any() for row in draws]) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("prior", [Prior(), Prior(weight=10)])
def test_the_smallest_of_many_keep_the_promise_too(prior: Prior) -> None:
    draws = np.sort(np.exp(Rng(2).numpy().normal(4, 0.35, (2000, 100))), axis=1)[:, :10]
    found = np.array([p_values(row, 90, prior) for row in draws])
    alarms = (found <= 0.05).any(1).mean()
    assert 0.03 < alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert (found.argmin(1) == 0).all(), "the smallest is the most suspicious"
    assert np.quantile(found.min(1), 0.5) == pytest.approx(0.5, abs=0.05), "its p-value is a p-value"
    planted = draws[0].copy()
    planted[0] = 3.0
    assert p_values(planted, 90, prior)[0] < 0.01
    at = thresholds(draws[0], 0.05, 90, prior)[0]
    assert p_values(np.array([at, *draws[0][1:]]), 90, prior)[0] == pytest.approx(0.05, abs=1e-3)


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
    assert int(dropped.sum()) == 14, "ten classes are held against each other"
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
    few = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), input_shape=(1, 6, 6))
    rows = CLEAN.subset(CLEAN.y < 3)
    said = NeuralCleanse(steps=100).scan(few, replace(rows, classes=("a", "b", "c")), rng=Rng(0))
    assert said.inconclusive.all(), "three classes are too few"


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


# Within an experiment -------------------------------------------------------------------------------------------------

SPEC: dict[str, Any] = {
    "model": {"name": "cnn", "filters": [8], "hidden": [32]},
    "attack": {"name": "badnets", "rate": 0.1, "target": 7, "trigger": {"name": "patch", "size": 2}},
    "training": {"name": "end_to_end", "epochs": 12, "learning_rate": 5e-3, "batch_size": 64},
    "defences": [{"name": "neural_cleanse", "steps": 250}],
    "trusted": 0.5,
}


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
    assert all(each.stored for each in scans), "ten repairs shall share one verdict"
