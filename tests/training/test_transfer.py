"""Transfer training: what is frozen stays, what is shared is shared, poison is in the target alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from sklearn.linear_model import SGDClassifier
from torch import nn

from antivenom.attacks import BadNets, GradientPoison, LabelFlip
from antivenom.data import Dataset, Splits
from antivenom.data.sources.npz import Npz
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import CNN, MLP, as_classifier
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, Store, load_spec
from antivenom.runner.events import Finished, Planned
from antivenom.testing import check_component, toy_images, toy_table
from antivenom.training import EndToEnd, Transfer

PRE = EndToEnd(epochs=4, learning_rate=5e-3, batch_size=32)
SPLITS = Splits(train=toy_images(320), test=toy_images(200, seed=1))
QUICK: dict[str, Any] = {"pretraining": PRE, "epochs": 4, "learning_rate": 1e-2, "batch_size": 32}


def started(model: Any = None) -> Any:
    blank = (model or MLP(hidden=(8, 6))).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    return blank, PRE.fit(blank, SPLITS.train, rng=Rng(1))


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("head", ["reset", "keep"])
def test_the_last_layers_alone_are_trained(layers: int, head: Any) -> None:
    blank, start = started()
    before = start.state()
    trained = Transfer(layers=layers, head=head, **QUICK).fit(blank, SPLITS.train, rng=Rng(2), start=start)
    moved = {name.partition(".")[0] for name, value in trained.state().items() if not torch.equal(value, before[name])}
    assert moved == set(["hidden_1", "hidden_2", "output"][-layers:])
    assert all(torch.equal(value, before[name]) for name, value in start.state().items())
    assert all(weight.requires_grad for weight in trained.module.parameters())


def test_what_is_frozen_keeps_its_running_statistics() -> None:
    with Rng(0).torch_globally():
        net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
    start = as_classifier(net, input_shape=(1, 6, 6))
    before = start.state()
    trained = Transfer(**QUICK).fit(start, SPLITS.train, rng=Rng(0), start=start)
    after = trained.state()
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["4.weight", "4.bias"]


def test_a_trunk_of_other_classes_serves() -> None:
    training = Transfer(target_classes=(2, 3), **QUICK)
    source, target = training.divide(SPLITS, Rng(0))
    assert source is not None
    assert (source.classes, target.train.classes) == (("0", "1"), ("2", "3"))
    assert set(target.train.y.tolist()) == set(source.y.tolist()) == {0, 1}
    assert not set(source.ids.tolist()) & set(target.train.ids.tolist())
    true = SPLITS.train.y[target.train.ids]
    assert torch.equal(true - 2, target.train.y)
    result = Experiment(dataset=SPLITS, model=CNN(filters=(4,)), attack=LabelFlip(rate=0.0), training=training).run()
    assert result.metrics["model.clean_accuracy.control"]["mean"] > 0.9  # type: ignore[operator]
    assert result.victim.classes == 2


def test_another_data_set_is_the_source_and_must_fit() -> None:
    other = Splits(train=toy_images(120, seed=9), test=toy_images(40, seed=8))
    source, target = Transfer(source=other, **QUICK).divide(SPLITS, Rng(0))
    assert source is not None
    assert source.fingerprint == other.train.fingerprint
    assert target is SPLITS
    table = Splits(train=toy_table(40), test=toy_table(40))
    with pytest.raises(DataError, match="Source and target must have equal shapes and bounds"):
        Transfer(source=table, **QUICK).divide(SPLITS, Rng(0))


@pytest.mark.slow
def test_victim_and_control_share_the_trunk_and_poison_stays_in_the_target(tmp_path: Path) -> None:
    heard: list[Any] = []
    store = Store(tmp_path)
    training = Transfer(**QUICK)
    for attack in (BadNets(rate=0.2), GradientPoison(rate=0.2, rounds=2)):
        of = Experiment(dataset=SPLITS, model=MLP(hidden=(8,)), attack=attack, training=training)
        result = of.run(store=store, on_event=heard.append)
        victim, control = result.victim.state(), result.control.state()
        assert torch.equal(victim["hidden_1.weight"], control["hidden_1.weight"])
        assert not torch.equal(victim["output.weight"], control["output.weight"])
        assert len(result.poisoned.base) == 160
    warm = [event.stored for event in heard if isinstance(event, Finished) and event.stage == "fit warm-up"]
    assert warm == [False, True]


class Looking(LossMonitor):
    """Notes which classifier it is given."""

    def score(self, data: Any, classifier: Any, **rest: Any) -> torch.Tensor:
        SEEN.append(classifier.state())
        return super().score(data, classifier, **rest)


SEEN: list[dict[str, torch.Tensor]] = []


def test_a_defender_stands_on_the_trunk_that_the_victim_stands_on() -> None:
    SEEN.clear()
    of = Experiment(dataset=SPLITS, model=MLP(hidden=(8,)), attack=LabelFlip(rate=0.2), training=Transfer(**QUICK))
    result = replace(of, defences=(Looking(),), trusted=0.5).run()
    assert torch.equal(SEEN[0]["hidden_1.weight"], result.victim.state()["hidden_1.weight"])
    assert not torch.equal(SEEN[0]["output.weight"], result.victim.state()["output.weight"])


def test_all_trainings_of_a_transfer_are_announced() -> None:
    heard: list[Any] = []
    of = Experiment(
        dataset=SPLITS, model=MLP(hidden=(8,)), attack=GradientPoison(count=5, rounds=1), training=Transfer(**QUICK)
    )
    replace(of, defences=(LossMonitor(),)).run(on_event=heard.append)
    planned = next(event for event in heard if isinstance(event, Planned))
    fits = [event for event in heard if isinstance(event, Finished) and event.stage.startswith("fit")]
    assert planned == Planned(("",), 1, 1, 2, 1, 1)
    assert len(fits) == 6


def test_another_data_set_is_read_once_where_there_is_a_store(tmp_path: Path) -> None:
    x, y = SPLITS.train.x.numpy(), SPLITS.train.y.numpy()
    np.savez(tmp_path / "source.npz", x=x, y=y)
    training = Transfer(source=Npz(path=str(tmp_path / "source.npz")), **QUICK)
    of = Experiment(dataset=SPLITS, model=MLP(hidden=(8,)), attack=LabelFlip(rate=0.2), training=training, repeats=2)
    with mock.patch.object(Npz, "load", autospec=True, side_effect=Npz.load) as load:
        of.run(store=Store(tmp_path / "store"))
        of.run(store=Store(tmp_path / "store"))
    assert load.call_count == 1


@pytest.mark.slow
def test_a_transfer_run_comes_back(tmp_path: Path) -> None:
    spec = {
        "model": {"name": "mlp", "hidden": [8]},
        "attack": {"name": "label_flip", "rate": 0.2},
        "training": {
            "name": "transfer",
            "pretraining": {"name": "end_to_end", "epochs": 2},
            "target_classes": [5, 6, 7, 8, 9],
            "epochs": 2,
        },
    }
    first = load_spec(spec).run(out=tmp_path / "run", store=Store(tmp_path / "store"))
    again = load_spec(spec).run(store=Store(tmp_path / "store"))
    assert first.metrics == again.metrics  # type: ignore[union-attr]
    loaded = Result.load(tmp_path / "run")
    assert loaded.poisoned.data.fingerprint == first.poisoned.data.fingerprint  # type: ignore[union-attr]
    assert "model.class_accuracy.5" in first.metrics  # type: ignore[union-attr]


def test_what_cannot_be_frozen_or_kept_is_refused() -> None:
    blank, start = started()
    with pytest.raises(SettingsError, match="layers must be at most 3, as the model has; got 4"):
        Transfer(layers=4, **QUICK).fit(blank, SPLITS.train, rng=Rng(0), start=start)
    wider = MLP(hidden=(8, 6)).build(input_shape=(1, 6, 6), classes=9, bounds=(0.0, 1.0), rng=Rng(0))
    with pytest.raises(SettingsError, match="head must be 'reset'"):
        Transfer(head="keep", **QUICK).fit(wider, named(9), rng=Rng(0), start=start)
    linear = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    with pytest.raises(CapabilityError, match="Transfer requires gradients, which SGDClassifier does not provide"):
        Transfer(**QUICK).fit(linear, SPLITS.train, rng=Rng(0))
    for classes in ((1,), (1, 1), (0, 1, 2), (2, 9)):
        with pytest.raises(SettingsError):
            Transfer(target_classes=classes, **QUICK).divide(SPLITS, Rng(0))
    with pytest.raises(SettingsError, match="must not both be set"):
        Transfer(target_classes=(0, 1), source=SPLITS)


def test_transfer_keeps_every_promise_of_a_training() -> None:
    check_component(Transfer(**{**QUICK, "epochs": 20}, layers=2))


# Trained elsewhere ----------------------------------------------------------------------------------------------------


def named(classes: int) -> Dataset:
    """Return the training rows with the names of more classes."""
    return replace(SPLITS.train, classes=tuple(map(str, range(classes))))


def written(folder: Path, classes: int = 4) -> tuple[Path, Any]:
    from safetensors.torch import save_file

    blank = MLP(hidden=(8, 6)).build(input_shape=(1, 6, 6), classes=classes, bounds=(0.0, 1.0), rng=Rng(7))
    start = PRE.fit(blank, named(classes), rng=Rng(1))
    save_file(start.state(), folder / "net.safetensors")
    return folder / "net.safetensors", start


@pytest.mark.slow
@pytest.mark.parametrize("classes", [4, 9])
@pytest.mark.parametrize("name", ["label_flip", "gradient_poison"])
def test_a_transfer_starts_from_a_file_of_weights(classes: int, name: str, tmp_path: Path) -> None:
    file, start = written(tmp_path, classes)
    attack = {"label_flip": LabelFlip(rate=0.3), "gradient_poison": GradientPoison(rate=0.3, rounds=2)}[name]
    training = Transfer(weights=str(file), epochs=2, learning_rate=1e-2)
    made = Experiment(dataset=SPLITS, model=MLP(hidden=(8, 6)), attack=attack, training=training)
    told: list[Any] = []
    result = made.run(on_event=told.append)
    planned = next(each for each in told if isinstance(each, Planned))
    assert planned.warm_ups == 0
    for one in (result.victim, result.control):
        state: dict[str, Any] = one.state()
        assert all(torch.equal(state[key], start.state()[key]) for key in state if not key.startswith("output"))
        assert state["output.weight"].shape == (4, 6)
    assert len(result.poisoned.base) == len(SPLITS.train), "no row is needed for a source"


def test_a_classifier_made_in_python_is_its_own_start(tmp_path: Path) -> None:
    _, start = written(tmp_path)
    training = Transfer(weights="own", head="keep", epochs=1, learning_rate=1e-9)
    result = Experiment(dataset=SPLITS, model=start, attack=LabelFlip(), training=training).run()
    for key, value in result.victim.state().items():
        assert torch.allclose(value, start.state()[key], atol=1e-5)


def test_weights_that_do_not_serve_are_refused_before_anything_runs(tmp_path: Path) -> None:
    file, _ = written(tmp_path)

    def run(model: Any, **settings: Any) -> None:
        Experiment(dataset=SPLITS, model=model, attack=LabelFlip(), training=Transfer(**settings)).run()

    with pytest.raises(SettingsError, match="does not fit the model"):
        run(MLP(hidden=(5,)), weights=str(file))
    with pytest.raises(SettingsError, match="requires weights, which MLP does not have"):
        run(MLP(hidden=(8, 6)), weights="own")
    with pytest.raises(DataError, match=r"net\.pt is missing"):
        run(MLP(hidden=(8, 6)), weights=str(tmp_path / "net.pt"))
    with pytest.raises(SettingsError, match="pretraining must be omitted if weights is set"):
        Transfer(weights=str(file), pretraining=PRE)
    with pytest.raises(SettingsError, match="source_share must be omitted if weights is set"):
        Transfer(weights=str(file), source_share=0.2)
    with pytest.raises(SettingsError, match="source_share must be null if source or target_classes"):
        Transfer(target_classes=(1, 2), source_share=0.2)
    with pytest.raises(DataError, match="missing"):
        load_spec({"attack": "label_flip", "training": {"name": "transfer", "weights": str(tmp_path / "none.pt")}})
