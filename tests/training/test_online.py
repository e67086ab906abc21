"""Streams: arrivals, online training against scikit-learn's own, and the experiments they make."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from antivenom.arrivals.at_point import AtPoint
from antivenom.arrivals.spread import Spread
from antivenom.attacks import GradientPoison, LabelFlip
from antivenom.data import Splits
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import MLP, EstimatorClassifier, as_classifier
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, Store, load_spec
from antivenom.runner.events import Finished, Planned
from antivenom.testing import check_component, toy_images
from antivenom.training import EndToEnd, Epoch, Online, OwnFit

QUICK = EndToEnd(epochs=3, learning_rate=5e-3, batch_size=32)
SPLITS = Splits(train=toy_images(240), test=toy_images(200, seed=1))


def experiment(**settings: object) -> Experiment:
    made: dict[str, Any] = {
        "dataset": SPLITS,
        "model": MLP(hidden=(8,)),
        "training": Online(warm_up=QUICK, checkpoints=5),
        "attack": LabelFlip(rate=0.2),
    }
    return Experiment(**{**made, **settings})


class Doubled(nn.Module):
    """Rows in float64, as scikit-learn computes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).double()


def pair(**settings: Any) -> tuple[Any, Any]:
    """A `MLPClassifier` that has seen nothing yet, and the same network with the same weights in PyTorch."""
    data = SPLITS.train
    fresh = MLPClassifier((12,), random_state=0, batch_size=1, **settings)
    learner = as_classifier(fresh, input_shape=(1, 6, 6), classes=4)
    rows = data.inputs()[:4].flatten(1).double().numpy()
    learner.estimator._validate_input(rows, np.arange(4), True, True)  # type: ignore[attr-defined]
    learner.estimator._random_state = np.random.RandomState(0)  # type: ignore[attr-defined]
    learner.estimator._initialize(np.eye(4), [36, 12, 4], np.float64)  # type: ignore[attr-defined]
    first, last = nn.Linear(36, 12, dtype=torch.float64), nn.Linear(12, 4, dtype=torch.float64)
    begun: Any = learner.estimator  # type: ignore[attr-defined]
    with torch.no_grad():
        for layer, weight, bias in zip((first, last), begun.coefs_, begun.intercepts_, strict=True):
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
    network = as_classifier(nn.Sequential(Doubled(), first, nn.ReLU(), last), input_shape=(1, 6, 6))
    return learner, network


def apart(learner: Any, network: Any, *many: dict[str, Any]) -> list[float]:
    """The largest difference of any weight after 300 rows of one stream, with each of these settings."""
    rows = torch.arange(300) % len(SPLITS.train)
    stream = SPLITS.train.subset(Rng(3).child("rows").order(rows) % len(SPLITS.train))
    theirs: Any = Online().fit(learner, stream, rng=Rng(0), start=learner)
    theirs = theirs.estimator
    assert np.abs(theirs.coefs_[0] - learner.estimator.coefs_[0]).max() > 0.05, "nothing was learned"
    found = []
    for settings in many:
        mine: Any = Online(**settings).fit(network, stream, rng=Rng(0), start=network)
        layers = (mine.module[1], mine.module[3])
        pairs = zip(layers, theirs.coefs_, theirs.intercepts_, strict=True)
        found.append(
            max(
                float(np.abs(own.detach().numpy().T - other).max())
                for layer, weight, bias in pairs
                for own, other in ((layer.weight, weight), (layer.bias, bias))
            )
        )
    return found


# Against scikit-learn -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sgd_is_scikit_learns_own() -> None:
    both = pair(solver="sgd", learning_rate_init=0.05, momentum=0.0, alpha=0.01)
    settings = {"optimizer": "sgd", "learning_rate": 0.05, "weight_decay": 0.01, "decay_biases": False}
    assert apart(*both, settings)[0] < 1e-6


@pytest.mark.slow
def test_adam_is_scikit_learns_own_where_it_is_asked_for() -> None:
    """`torch.optim.Adam` drifts: here by 0.004 in a weight, and by 0.5 and more where it decays biases too."""
    settings: dict[str, Any] = {"learning_rate": 1e-2, "weight_decay": 1e-4, "decay_biases": False}
    both = pair(solver="adam", learning_rate_init=1e-2, alpha=1e-4)
    own = {"optimizer": "sklearn_adam", **settings}
    exact, torchs, decayed = apart(*both, own, {**own, "optimizer": "adam"}, {**own, "decay_biases": True})
    assert exact < 1e-6
    assert torchs > 1e-3
    assert decayed > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator", [SGDClassifier(), MLPClassifier((16,), learning_rate_init=0.01), Perceptron(), GaussianNB()]
)
def test_estimators_learn_from_streams(estimator: Any) -> None:
    blank = as_classifier(estimator, input_shape=(1, 6, 6), classes=4)
    result = experiment(model=blank, training=Online(warm_up=OwnFit(), checkpoints=4)).run()
    assert result.metrics["model.clean_accuracy.control"]["mean"] > 0.8  # type: ignore[operator]
    victim, control = result.charts["model.along_the_way"].charts[0].series
    assert len(victim.y) == len(control.y) == 5


@pytest.mark.parametrize(
    "settings",
    [{"optimizer": "sgd"}, {"learning_rate": 0.1}, {"momentum": 0.5}, {"weight_decay": 0.1}, {"decay_biases": False}],
)
@pytest.mark.parametrize("schedule", ["stream", "mixed"])
def test_what_an_estimator_cannot_be_told_is_refused(settings: dict[str, Any], schedule: Any) -> None:
    blank = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    with pytest.raises(SettingsError, match=f"Online.{next(iter(settings))} requires an nn.Module"):
        Online(schedule=schedule, **settings).fit(blank, SPLITS.train, rng=Rng(0))


@pytest.mark.parametrize("schedule", ["stream", "mixed"])
def test_what_cannot_learn_row_by_row_is_refused(schedule: Any) -> None:
    tree = as_classifier(DecisionTreeClassifier(), input_shape=(1, 6, 6), classes=4)
    with pytest.raises(CapabilityError, match="Online requires incremental learning, which DecisionTree"):
        Online(schedule=schedule).fit(tree, SPLITS.train, rng=Rng(0))
    with pytest.raises(CapabilityError, match="own_fit requires a scikit-learn estimator; got "):
        OwnFit().fit(MLP().build(input_shape=(1, 6, 6), classes=4, bounds=(0, 1), rng=Rng(0)), SPLITS.train, rng=Rng(0))


@pytest.mark.parametrize(
    "settings", [{"schedule": "mixed", "arrival": Spread()}, {"epochs": 3}, {"optimizer": "adam", "momentum": 0.9}]
)
def test_settings_that_would_be_ignored_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Online(**settings)


# Training -------------------------------------------------------------------------------------------------------------


def test_the_order_is_the_streams_and_every_row_comes_once() -> None:
    seen: list[int] = []

    class Noting(EstimatorClassifier):
        def learn(self, x: Any, y: Any) -> float:
            seen.extend(y.tolist())
            return float(len(y))

    heard: list[Epoch] = []
    data = SPLITS.train.subset(torch.tensor([5, 3, 3, 9, 1, 0, 2]))
    training = Online(batch_size=2, checkpoints=3)
    noting = Noting(GaussianNB(), input_shape=(1, 6, 6), classes=4)
    training.fit(noting, data, rng=Rng(0), callbacks=(heard.append,))
    assert seen == data.y.tolist()
    assert [epoch.number for epoch in heard] == [1, 2, 3]
    training = Online(batch_size=2, checkpoints=1)
    training.fit(noting, data, rng=Rng(0), callbacks=(heard.append,))
    assert heard[-1].loss == pytest.approx((3 * 2 * 2 + 1) / 7)  # three batches of two and one of one


@pytest.mark.slow
def test_mixed_stops_when_the_loss_no_longer_falls() -> None:
    heard: list[Epoch] = []
    training = Online(schedule="mixed", patience=1, epochs=60, learning_rate=0.5)
    blank = MLP(hidden=(8,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    training.fit(blank, SPLITS.train, rng=Rng(0), callbacks=(heard.append,))
    assert 1 < len(heard) < 60
    assert heard[-1].loss >= heard[-2].loss
    linear = as_classifier(MLPClassifier((4,)), input_shape=(1, 6, 6), classes=4)
    Online(schedule="mixed", patience=1, epochs=3).fit(linear, SPLITS.train, rng=Rng(0), callbacks=(heard.append,))
    assert heard[-1].of == 3


@pytest.mark.parametrize("batch_size", [1, 7])
def test_online_keeps_every_promise_of_a_training(batch_size: int) -> None:
    check_component(Online(batch_size=batch_size, learning_rate=0.05))


# Experiments ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_victim_and_control_share_a_warm_up_that_poison_never_reached(tmp_path: Path) -> None:
    heard: list[Finished] = []
    told: list[Any] = []
    store = Store(tmp_path)
    for attack in (LabelFlip(rate=0.2), GradientPoison(rate=0.2, rounds=2)):
        experiment(attack=attack).run(store=store, on_event=told.append)
    heard = [event for event in told if isinstance(event, Finished)]
    warm = [event for event in heard if event.stage == "fit warm-up"]
    assert [event.stored for event in warm] == [False, True]  # one for both attacks
    planned = [event for event in told if isinstance(event, Planned)]
    assert [(one.warm_ups, one.surrogates) for one in planned] == [(1, 0), (1, 1)]
    fits = [event for event in heard if event.stage.startswith("fit")]
    assert len(fits) == sum(one.victims + one.controls + one.warm_ups + one.surrogates for one in planned)
    result = experiment().run()
    assert len(result.poisoned.base) == 120
    panel = result.charts["model.along_the_way"].charts[0]
    victim, control = panel.series
    assert victim.y[0] == control.y[0]
    assert victim.x.tolist() == control.x.tolist() == [0, 24, 48, 72, 96, 120]
    assert len(panel.ticks) == 24


def test_every_cell_of_a_grid_announces_its_own_trainings() -> None:
    told: list[Any] = []
    spec = {
        "model": {"name": "mlp", "hidden": [8]},
        "attack": "label_flip",
        "training": {"name": "online", "warm_up": {"name": "end_to_end", "epochs": 1}, "batch_size": 50},
        "grid": {"attack": ["label_flip", "random_noise"]},
    }
    load_spec(spec).run(on_event=told.append)
    planned = next(event for event in told if isinstance(event, Planned))
    assert (planned.victims, planned.controls, planned.warm_ups) == (2, 2, 2)


def test_a_burst_harms_when_it_comes_and_not_before() -> None:
    attack = GradientPoison(rate=0.2, recraft=True, rounds=5, victim_learning_rate=0.1, bias_rate_factor=1)
    training = Online(warm_up=replace(QUICK, epochs=10), arrival=AtPoint(point=0.5), learning_rate=0.1, checkpoints=10)
    panel = experiment(attack=attack, training=training).run().charts["model.along_the_way"].charts[0]
    victim, control = (line.y / 100 for line in panel.series)
    before = panel.series[0].x <= panel.ticks.min()
    assert np.array_equal(victim[before], control[before])
    assert victim[~before].min() < control[~before].min() - 0.1


def test_repeats_make_the_stream_longer_for_both() -> None:
    training = Online(warm_up=QUICK, arrival=AtPoint(repeats=5), checkpoints=2)
    panel = experiment(attack=LabelFlip(count=6), training=training).run().charts["model.along_the_way"].charts[0]
    assert panel.series[0].x[-1] == 120 + 4 * 6
    assert len(panel.ticks) == 30


def test_a_monitor_of_a_stream_is_given_the_model_that_stood() -> None:
    heard: list[Any] = []
    of = experiment(training=Online(warm_up=replace(QUICK, epochs=15)), defences=(LossMonitor(false_alarm_rate=0.05),))
    result = replace(of, trusted=0.4).run(on_event=heard.append)
    assert "fit defender" not in [event.stage for event in heard if isinstance(event, Finished)]
    assert result.metrics["detector.loss_monitor.auroc"]["mean"] > 0.8  # type: ignore[operator]


@pytest.mark.slow
def test_a_streams_run_comes_back_and_is_drawn(tmp_path: Path) -> None:
    spec = {
        "model": {"name": "mlp", "hidden": [8]},
        "attack": {"name": "badnets", "rate": 0.1},
        "training": {
            "name": "online",
            "warm_up": {"name": "end_to_end", "epochs": 2},
            "arrival": {"name": "bursts", "bursts": 2},
            "checkpoints": 4,
        },
        "repeats": 2,
    }
    from antivenom.report import write_report

    first = load_spec(spec).run(out=tmp_path / "run", store=Store(tmp_path / "store"))
    again = load_spec(spec).run(store=Store(tmp_path / "store"))
    assert first.metrics == again.metrics  # type: ignore[union-attr]
    loaded = Result.load(tmp_path / "run")
    for mine, theirs in zip(first.repeats, loaded.repeats, strict=True):  # type: ignore[union-attr]
        assert mine.poisoned.data.fingerprint == theirs.poisoned.data.fingerprint
    write_report(tmp_path / "run")
    assert (tmp_path / "run" / "figures" / "model.along_the_way.png").is_file()
    success = first.charts["model.along_the_way"].charts[1].series  # type: ignore[union-attr]
    assert [len(line.y) for line in success] == [5, 5]
    assert not any(np.isnan(line.y).any() for line in success)
