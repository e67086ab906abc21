"""What networks have learned, layer by layer: closed forms, slow oracles, and planted cases whose answer is known."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression, SGDClassifier
from torch import Tensor

from antivenom.analysis import LinearProbe, cka, drift, neurons, probe_layers, similarity, studied_layers
from antivenom.attacks import BadNets
from antivenom.data import Dataset
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.goals import Backdoor
from antivenom.metrics import accuracy
from antivenom.models import CNN, MLP, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import EndToEnd
from antivenom.triggers import Patch

TRAIN, TEST = toy_images(800), toy_images(400, seed=1)
TRAINING = EndToEnd(epochs=12, learning_rate=5e-3, batch_size=32)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Rng(seed).child("noise").generator(), dtype=torch.float64)


# Similarity -----------------------------------------------------------------------------------------------------------


def by_hand(x: Tensor, y: Tensor) -> float:
    """The unbiased estimator, written for reading: Song et al. 2012, equation 5."""

    def hsic(k: Tensor, m: Tensor) -> Tensor:
        n = len(k)
        k, m = k - torch.diag(k.diagonal()), m - torch.diag(m.diagonal())
        one = torch.ones(n, 1, dtype=torch.float64)
        first = torch.trace(k @ m)
        second = (one.T @ k @ one) * (one.T @ m @ one) / ((n - 1) * (n - 2))
        third = 2 / (n - 2) * (one.T @ k @ m @ one)
        return (first + second - third) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    return float(hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt())


def test_cka_is_its_closed_form() -> None:
    for seed in range(5):
        x, y = noise(30, 7, seed=seed), noise(30, 12, seed=seed + 50)
        y[:, :7] += x
        assert cka(x, y) == pytest.approx(by_hand(x, y), abs=1e-10)
        assert cka(x, y) == pytest.approx(cka(y, x))


def test_cka_is_one_for_the_same_but_for_rotation_and_scale() -> None:
    x = noise(50, 8)
    turn = torch.linalg.qr(noise(8, 8, seed=1)).Q
    for same in (x, -3 * x, x @ turn, x + 5, torch.cat([x, torch.zeros(50, 4, dtype=torch.float64)], 1)):
        assert cka(x, same) == pytest.approx(1, abs=1e-9)
    assert cka(x, x * torch.linspace(0.1, 3, 8, dtype=torch.float64)) < 0.99


def test_cka_of_nothing_in_common_is_about_zero_though_rows_are_few() -> None:
    found = [cka(noise(40, 200, seed=seed), noise(40, 200, seed=seed + 100)) for seed in range(30)]
    assert abs(sum(found) / len(found)) < 0.02  # the biased estimator says 0.8 here


def test_few_or_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="at least 4 rows"):
        cka(noise(3, 2), noise(3, 2))
    with pytest.raises(DataError, match="the same number"):
        cka(noise(8, 2), noise(9, 2))


def net(model: Any = None, data: Dataset = TRAIN, seed: int = 0) -> Any:
    blank = (model or CNN(filters=(8, 8), hidden=(16,))).build(
        input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(seed)
    )
    return TRAINING.fit(blank, data, rng=Rng(seed))


def test_batches_agree_with_the_whole() -> None:
    one, other = net(seed=0), net(seed=1)
    whole = similarity(one, other, TEST, batch_size=len(TEST))
    parts = similarity(one, other, TEST, batch_size=100)
    assert whole.matrix.shape == (len(whole.layers), len(whole.others))
    assert torch.allclose(whole.matrix, parts.matrix, atol=0.03)
    name = "hidden_1"
    direct = cka(one.features(TEST.inputs(), name).double(), other.features(TEST.inputs(), name).double())
    assert whole.same[name] == pytest.approx(direct, abs=1e-4)
    odd = similarity(one, other, TEST.subset(torch.arange(103)), batch_size=50)  # a last batch of three
    assert torch.isfinite(odd.matrix).all()


@pytest.mark.slow
def test_a_network_is_itself_and_an_untrained_one_is_another() -> None:
    one = net()
    assert all(value == pytest.approx(1, abs=1e-6) for value in similarity(one, one, TEST).same.values())
    assert similarity(one, one.fresh(Rng(9)), TEST).same["output"] < 0.9


# Probes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [4, 60, 512])
def test_probes_are_as_good_as_scikit_learns(width: int) -> None:
    x, y = noise(1200, width).float(), torch.arange(1200) % 4
    x[:, : min(width, 40)] += 0.35 * noise(4, min(width, 40), seed=3).float()[y]
    mean, scale = x[:800].mean(0), x[:800].std(0, correction=0)
    standard = ((x - mean) / scale).numpy()
    known = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit(standard[:800], y[:800].numpy())
    theirs = known.score(standard[800:], y[800:].numpy())
    probe = LinearProbe.fit(x[:800], y[:800], classes=4, strength=0.1)
    mine = float((probe.predict(x[800:]) == y[800:]).float().mean())
    assert mine == pytest.approx(theirs, abs=0.005)
    own = known.coef_ - known.coef_.mean(0)
    assert torch.allclose(probe.weight - probe.weight.mean(0), torch.from_numpy(own).float(), atol=5e-3)


def test_what_random_labels_hide_can_still_be_read() -> None:
    """The head is fooled, the representation is not; the twin: labels that say nothing can not be read."""
    labels = torch.where(torch.arange(len(TRAIN)) % 3 > 0, (TRAIN.y + 1) % 4, TRAIN.y)  # two thirds are wrong
    fooled = net(data=replace(TRAIN, y=labels))
    own = accuracy(fooled, TEST)
    found = probe_layers(fooled, TEST, rng=Rng(0))
    assert own < 0.3
    assert found["hidden_1"] > own + 0.4
    nonsense = replace(TEST, y=Rng(4).child("y").keys(TEST.ids) % 4)
    assert probe_layers(fooled, nonsense, rng=Rng(0))["hidden_1"] < 0.4


# Drift and neurons ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backdoored() -> tuple[Any, Any, Backdoor]:
    attack = BadNets(rate=0.2, target=0, trigger=Patch(size=2, position="bottom_left"))
    poisoned = attack.poison(TRAIN, rng=Rng(0))
    assert isinstance(poisoned.goal, Backdoor)
    return net(data=poisoned.data), net(), poisoned.goal


def test_a_backdoor_moves_deep_layers_and_not_the_first(backdoored: Any) -> None:
    victim, control, goal = backdoored
    assert (goal.success(victim, TEST) or 0) > 0.9
    attacked = goal.triggered(goal.attacked(TEST))
    target = torch.zeros(len(attacked), dtype=torch.int64)
    layers = studied_layers(victim)
    of_victim, of_control = (drift(one, TEST, attacked, target) for one in (victim, control))
    assert of_victim.layers == layers
    last = layers.index("output")
    assert float(of_victim.nearer[last]) > 0.6
    assert float(of_control.nearer[last]) < 0.3
    assert float(of_victim.shift[0]) < 0.5 < float(of_victim.shift[last])
    assert float(of_victim.separation[last]) > 3 * float(of_victim.separation[0])
    clean = drift(victim, TEST)
    assert torch.isnan(clean.shift).all()


def test_drift_is_its_definition(backdoored: Any) -> None:
    victim, _, goal = backdoored
    attacked = goal.triggered(goal.attacked(TEST))
    target = torch.zeros(len(attacked), dtype=torch.int64)
    found = drift(victim, TEST, attacked, target, layers=["hidden_1"])
    features, placed = (victim.features(data.inputs(), "hidden_1").double() for data in (TEST, attacked))
    centres = torch.stack([features[TEST.y == label].mean(0) for label in range(4)])
    within = sum(float((features[TEST.y == label] - centres[label]).square().sum()) for label in range(4))
    between = float((centres[TEST.y] - features.mean(0)).square().sum())
    assert float(found.separation[0]) == pytest.approx(between / within, rel=1e-4)
    start, end = centres[attacked.y], centres[target]
    along = ((placed - start) * (end - start)).sum(1) / (end - start).square().sum(1)
    assert float(found.shift[0]) == pytest.approx(float(along.mean()), rel=1e-4)


def test_silencing_what_answers_to_a_trigger_costs_the_attack_first(backdoored: Any) -> None:
    victim, control, goal = backdoored
    found = neurons(victim, goal, TEST, layer="conv_2")
    assert found.change.shape == (8,)
    assert (found.change[found.order].diff() <= 0).all()
    assert found.silenced.tolist() == list(range(9))
    assert float(found.attack_success_rate[0]) == pytest.approx(goal.success(victim, TEST))
    assert float(found.clean_accuracy[0]) == pytest.approx(accuracy(victim, TEST))
    assert float(found.clean_accuracy[-1]) < 0.5
    most = neurons(control, goal, TEST, layer="conv_2")
    assert float(found.change.max()) > float(most.change.max())


def test_what_has_no_layers_is_refused() -> None:
    linear = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    for ask in (
        lambda: similarity(linear, linear, TEST),
        lambda: probe_layers(linear, TEST, rng=Rng(0)),
        lambda: drift(linear, TEST),
    ):
        with pytest.raises(CapabilityError, match="requires features, which SGDClassifier does not provide"):
            ask()
    with pytest.raises(CapabilityError, match="Unknown layer 'nine'"):
        similarity(net(MLP(hidden=(4,))), net(MLP(hidden=(4,))), TEST, layers=["nine"])


# Within an experiment -------------------------------------------------------------------------------------------------


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
