"""The settings, the attributes and the refusals of the interface of ART."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from antivenom.errors import CapabilityError, SettingsError
from antivenom.interop.art import Cleansed, KerasNeuralCleanse, NeuralCleanse
from antivenom.interop.art_settings import ArtSettings
from tests.helpers.art_models import X, Y, keras_model, last, module, of_art, of_art_keras, plain

FOURTEEN = (*Cleansed.estimator_params, "top_indices", "activation_threshold")


def test_the_defaults_are_those_of_art() -> None:
    art = pytest.importorskip("art.defences.transformer.poisoning.neural_cleanse", reason="ART is not installed")
    import inspect

    theirs = inspect.signature(art.NeuralCleanse.__call__).parameters
    assert NeuralCleanse(module()).get_params() == {name: theirs[name].default for name in NeuralCleanse.params}
    assert list(art.NeuralCleanse.params) == list(NeuralCleanse.params)


def test_counts_are_passes_over_the_rows() -> None:
    scan = ArtSettings(steps=7, patience=3, early_stop_patience=4, batch_size=32).scan(1000)
    assert (scan.steps, scan.window, scan.evaluate_every) == (7 * 31, 31, 31)
    assert (scan.patience, scan.early_stop_patience, scan.per_channel) == (3, 4, True)
    assert ArtSettings().scan(10).evaluate_every == 1


def test_the_fourteen_settings_are_attributes() -> None:
    cleansed = NeuralCleanse(module())(module(), steps=20, cost_multiplier=2.0)
    values = {name: getattr(cleansed, name) for name in FOURTEEN}
    assert len(values) == 14
    assert values == {
        "steps": 20,
        "init_cost": 1e-3,
        "norm": 2,
        "learning_rate": 0.1,
        "attack_success_threshold": 0.99,
        "patience": 5,
        "early_stop": True,
        "early_stop_threshold": 0.99,
        "early_stop_patience": 10,
        "cost_multiplier_up": 2.0,
        "cost_multiplier_down": 2.0**1.5,
        "batch_size": 32,
        "top_indices": [],
        "activation_threshold": 0.0,
    }
    cleansed.steps = 9
    cleansed.set_params(norm=1, cost_multiplier_up=1.5, cost_multiplier_down=1.5**1.5)
    params = cleansed.get_params()
    assert (cleansed.settings.steps, params["norm"], params["cost_multiplier_up"]) == (9, 1, 1.5)
    with pytest.raises(SettingsError, match="cost_multiplier_down is cost_multiplier to the power"):
        cleansed.set_params(steps=3, cost_multiplier_down=9.0)
    assert cleansed.steps == 9, "a refused call changes nothing"
    with pytest.raises(SettingsError, match="got 'clip_values', which is fixed"):
        cleansed.set_params(clip_values=(0, 2))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 2.0}, "steps must be a whole number of at least 1; got 2.0"),
        ({"patience": True}, "patience must be a whole number"),
        ({"early_stop_patience": 0}, "early_stop_patience must be a whole number"),
        ({"norm": "l2"}, "norm must be 1, 2 or infinity"),
        ({"init_cost": 0}, "init_cost"),
        ({"cost_multiplier": 1.0}, "cost_multiplier"),
    ],
)
def test_wrong_settings_are_refused_at_once(wrong: dict[str, Any], message: str) -> None:
    transformer = NeuralCleanse(module())
    for call in (lambda: transformer(module(), **wrong), lambda: transformer.set_params(**wrong)):
        with pytest.raises(SettingsError, match=message):
            call()
    with pytest.raises(SettingsError, match="got 'stepps'"):
        transformer.set_params(stepps=1)


def test_keras_neural_cleanse_by_name() -> None:
    model = keras_model()
    cleansed = KerasNeuralCleanse(model, clip_values=(0, 1), steps=2, preprocessing=(0.0, 1.0))
    assert cleansed.steps == 2
    assert np.allclose(cleansed.predict(last(X[:5])), model(torch.from_numpy(last(X[:5]))).detach().numpy(), atol=1e-5)
    with pytest.raises(SettingsError, match="use_logits is True, but the model returns probabilities"):
        KerasNeuralCleanse(model, use_logits=True)
    with pytest.raises(SettingsError, match="channels_first is True, but the Keras model takes channels last"):
        KerasNeuralCleanse(model, channels_first=True)
    with pytest.raises(CapabilityError, match="input_layer=0"):
        KerasNeuralCleanse(model, output_layer=1)
    with pytest.raises(CapabilityError, match="preprocessing and postprocessing defences"):
        KerasNeuralCleanse(model, preprocessing_defences=[object()])
    with pytest.raises(CapabilityError, match="requires a Keras 3 model; got Sequential"):
        KerasNeuralCleanse(plain())


def test_arts_keras_classifier_states_its_range_and_scaling() -> None:
    halved = of_art_keras(preprocessing=(0.0, 0.5))
    cleansed = NeuralCleanse(halved)(halved)
    direct = keras_model()(torch.from_numpy(last(X[:5]) / 0.5)).detach().numpy()
    assert np.allclose(cleansed.predict(last(X[:5])), direct, atol=1e-5)


@pytest.mark.parametrize("loss", [nn.NLLLoss(), nn.MultiMarginLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)])
def test_fit_trains_with_the_loss_and_the_groups_of_the_user(loss: nn.Module) -> None:
    net = nn.Sequential(*plain(), nn.LogSoftmax(1))
    theirs = of_art(net)
    theirs._loss = loss
    groups = [{"params": net[0].parameters(), "lr": 0.0}, {"params": net[4:].parameters(), "lr": 1e-2}]
    theirs._optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.9)
    cleansed: Any = NeuralCleanse(theirs)(theirs)
    before = net[0].weight.detach().clone()
    cleansed.fit(X, Y, batch_size=16, nb_epochs=15)
    assert [group["lr"] for group in cleansed.optimizer.param_groups] == [0.0, 1e-2]
    assert torch.equal(cleansed._network(X).module[0].weight, before), "a learning rate of 0"
    assert (cleansed.predict(X).argmax(1) == Y.argmax(1)).mean() > 0.3
    with pytest.raises(SettingsError, match="supports batch_size and nb_epochs; got 'verbose'"):
        cleansed.fit(X, Y, verbose=True)


def test_rows_outside_the_range_by_rounding_are_moved_into_it() -> None:
    cleansed = NeuralCleanse(module())(module(), steps=1)
    rows = X + np.float32(1e-6)
    assert float(cleansed._data(rows, Y).inputs().max()) == 1.0
    cleansed.outlier_detection(rows, Y)


@pytest.mark.slow
def test_backdoor_examples_of_the_target_are_arts() -> None:
    cleansed = NeuralCleanse(module())(module(), steps=100, patience=2, norm=1)
    own = Y.argmax(1) == 1
    clean, triggered, labels = cleansed.backdoor_examples(X, Y, rows="target")
    assert np.array_equal(clean, X[own])
    assert np.array_equal(labels, Y[own])
    assert not np.array_equal(clean, triggered)
    assert len(cleansed.backdoor_examples(X, Y)[0]) == (~own).sum()
    with pytest.raises(SettingsError, match="rows must be"):
        cleansed.backdoor_examples(X, Y, rows="mine")  # type: ignore[arg-type]


def test_pruning_of_a_model_without_units_is_refused_before_the_scan() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    cleansed = NeuralCleanse(net)(net)
    with pytest.raises(CapabilityError, match="pruning is not possible"):
        cleansed.mitigate(X, Y, ["pruning"])
    assert cleansed.verdict is None


@pytest.mark.parametrize(("size", "trains"), [(32, True), (1, False)])
def test_a_last_row_joins_its_neighbours_if_the_network_cannot_learn_from_one(size: int, trains: bool) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))
    cleansed = NeuralCleanse(net)(net, input_shape=(1, 8, 8))
    before = cleansed.predict(X)
    if trains:
        cleansed.fit(X[:33], Y[:33], batch_size=size, nb_epochs=1)
        assert not np.allclose(cleansed.predict(X), before)
        return
    with pytest.raises(SettingsError, match="batch_size must be at least 2"):
        cleansed.fit(X[:33], Y[:33], batch_size=size, nb_epochs=1)
    assert np.array_equal(cleansed.predict(X), before), "a refused training changes nothing"
