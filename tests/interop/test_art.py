"""Neural Cleanse by the calls that users of ART know: an nn.Module, ART's own classifier, a Keras 3 model."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import SGDClassifier
from torch import nn

from antivenom import load
from antivenom.attacks import BadNets
from antivenom.defences import NeuralCleanse as Scan
from antivenom.errors import AntivenomError, CapabilityError, DataError, SettingsError
from antivenom.goals import Backdoor
from antivenom.interop.art import NeuralCleanse
from antivenom.models import CNN, as_classifier
from antivenom.rng import Rng
from antivenom.training import EndToEnd
from antivenom.triggers import Patch

DIGITS = load("digits")
CLEAN = DIGITS.test.subset(torch.arange(225))
X, Y = CLEAN.inputs().numpy(), CLEAN.y.numpy()
REST = DIGITS.test.subset(torch.arange(225, 450))
TRIGGER = Backdoor(trigger=Patch(size=2), target=7)


def poisoned() -> Any:
    return BadNets(target=7, trigger=Patch(size=2)).poison(DIGITS.train, rng=Rng(0)).data


@cache
def victim() -> Any:
    """A network that obeys a patch."""
    blank = CNN(filters=(8,), hidden=(32,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0.0, 1.0), rng=Rng(0))
    return EndToEnd(epochs=12, learning_rate=5e-3, batch_size=64).fit(blank, poisoned(), rng=Rng(0))


def success(predicted: np.ndarray, y: np.ndarray) -> float:
    return float((predicted.argmax(1)[y != 7] == 7).mean())


def triggered(channels_last: bool = False) -> np.ndarray:
    x = TRIGGER.triggered(REST).inputs()
    return (x.movedim(1, -1) if channels_last else x).numpy()


@pytest.mark.slow
def test_a_module_is_cleansed_and_the_original_stays() -> None:
    module = victim().module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    cleansed = NeuralCleanse(module)(module, norm=1, steps=100, patience=2)
    with pytest.raises(CapabilityError, match="first rows"):
        cleansed.abstain()
    found = cleansed.outlier_detection(X, Y)
    verdict = cleansed.verdict
    cleansed.outlier_detection(X, Y, rule="paper")
    assert cleansed.verdict is verdict, "the same rows and weights are scanned once"
    assert [label for label, _, _ in found] == [7]
    _, mask, pattern = found[0]
    assert mask.shape == (1, 8, 8)
    assert pattern.shape == (1, 8, 8)
    clean, backdoored, labels = cleansed.backdoor_examples(X, np.eye(10)[Y])
    assert clean.shape == backdoored.shape == ((Y != 7).sum(), 1, 8, 8)
    assert np.array_equal(labels.argmax(1), Y[Y != 7]), "true labels, as one-hot as they came"
    assert np.allclose(backdoored, (1 - mask) * clean + mask * pattern, atol=1e-6)
    assert cleansed.check_backdoor_effective(backdoored, labels)
    assert not cleansed.check_backdoor_effective(clean[:60], labels[:60], enough=0.1)
    assert success(cleansed.predict(triggered()), REST.y.numpy()) > 0.9
    cleansed.mitigate(X, Y, ["pruning", "unlearning", "filtering"])
    predicted = cleansed.predict(triggered())
    answered = predicted.any(1)
    assert float((predicted.argmax(1)[answered & (REST.y.numpy() != 7)] == 7).sum()) < 0.3 * (REST.y != 7).sum()
    assert np.array_equal(cleansed.abstain(), np.zeros(10))
    cleansed.outlier_detection(X, Y)
    assert cleansed.verdict is not verdict, "a mended network is another"
    kept = cleansed.predict(REST.inputs().numpy())
    assert 0.85 < float(kept.any(1).mean()) < 1, "a filter abstains on some clean rows"
    assert float((kept.argmax(1) == REST.y.numpy())[kept.any(1)].mean()) > 0.8
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.slow
def test_arts_own_classifier_end_to_end_and_arts_attack_on_the_result() -> None:
    from art.attacks.evasion import FastGradientMethod
    from art.estimators.classification import PyTorchClassifier

    mean, std = 0.25, 0.5  # the module sees normalised rows; ART normalises them
    inner = nn.Sequential(Unscaled(mean, std), victim().copy().module)
    theirs = PyTorchClassifier(
        model=inner,
        loss=nn.CrossEntropyLoss(),
        input_shape=(1, 8, 8),
        nb_classes=10,
        clip_values=(0.0, 1.0),
        preprocessing=(mean, std),
        device_type="cpu",
    )
    cleansed: Any = NeuralCleanse(theirs)(theirs, norm=1, steps=100, patience=2)
    assert np.allclose(cleansed.predict(X), theirs.predict(X), atol=1e-4), "logits, behind the same preprocessing"
    assert isinstance(cleansed, PyTorchClassifier)
    assert (cleansed.input_shape, cleansed.nb_classes, tuple(cleansed.clip_values)) == ((1, 8, 8), 10, (0.0, 1.0))
    with pytest.raises(AntivenomError, match=r"rows in \[0, 1\]"):
        cleansed.mitigate(X * 255, Y, ["unlearning"])
    cleansed.mitigate(X, Y, ["unlearning"])
    assert cleansed.verdict.suspected == (7,)
    assert success(theirs.predict(triggered()), REST.y.numpy()) > 0.9, "theirs is as it was"
    assert success(cleansed.predict(triggered()), REST.y.numpy()) < 0.6
    rows = X[:50]
    attacked = FastGradientMethod(cleansed, eps=0.3).generate(rows)
    right = [(cleansed.predict(each).argmax(1) == Y[:50]).mean() for each in (rows, attacked)]
    assert right[1] < 0.5 * right[0], "ART's attack does not work on what comes back"
    gradient = cleansed.loss_gradient(rows[:3], np.eye(10)[Y[:3]])
    assert gradient.shape == rows[:3].shape
    assert np.isfinite(gradient).all()


class Unscaled(nn.Module):
    """Undoes a normalisation."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.std + self.mean


@pytest.mark.slow
def test_a_keras_model_end_to_end() -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    taken = as_classifier(model, input_shape=(1, 8, 8), outputs="probabilities")
    trained: Any = EndToEnd(epochs=12, learning_rate=5e-3, batch_size=64).fit(taken, poisoned(), rng=Rng(0))
    model = trained.module
    last = np.moveaxis(X, 1, -1)
    before = model(torch.from_numpy(last[:5])).detach().numpy()
    cleansed = NeuralCleanse(model)(model, norm=1, steps=100, patience=2)
    assert np.allclose(cleansed.predict(last[:5]), before, atol=1e-5), "probabilities, as the model gives them"
    label, mask, pattern = cleansed.outlier_detection(last, Y)[0]
    assert label == 7
    assert mask.shape == (8, 8, 1)
    assert pattern.shape == (8, 8, 1)
    assert success(cleansed.predict(triggered(channels_last=True)), REST.y.numpy()) > 0.9
    cleansed.mitigate(last, Y, ["unlearning"])
    assert success(cleansed.predict(triggered(channels_last=True)), REST.y.numpy()) < 0.6
    assert np.allclose(model(torch.from_numpy(last[:5])).detach().numpy(), before), "the model is as it was"


@pytest.mark.slow
def test_the_rest_of_the_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    made = NeuralCleanse(victim())
    assert made.fit(X) is None
    cleansed = made(victim(), steps=1, norm=math.inf)
    scan, scanned = Scan.scan, []

    def recorded(self: Scan, *given: Any, **more: Any) -> Any:
        scanned.append((self.steps, self.norm))
        return scan(self, *given, **more)

    monkeypatch.setattr(Scan, "scan", recorded)
    mask, pattern = cleansed.generate_backdoor(X, Y, np.eye(10)[3])
    assert mask.shape == pattern.shape == (1, 8, 8)
    assert np.array_equal(mask, cleansed.generate_backdoor(X, np.eye(10)[Y], np.asarray(3))[0])
    assert cleansed.outlier_detection(X, Y) == [], "nothing converges in one pass of so few rows"
    assert scanned == [(7, "linf")], "one pass of 225 rows is 7 mini-batches of 32"
    assert cleansed.outlier_detection(X, Y, rule="paper") == []
    clean, backdoored, labels = cleansed.backdoor_examples(X, Y)
    assert len(clean) == len(backdoored) == len(labels) == 0
    assert clean.shape[1:] == (1, 8, 8)
    before = cleansed.predict(X)
    with pytest.warns(UserWarning, match="mitigate changed nothing: inconclusive"):
        cleansed.mitigate(X, Y, ["unlearning"])
    assert np.array_equal(before, cleansed.predict(X)), "nothing was suspected, and it changed"


def test_nonsense_is_refused() -> None:
    cleansed = NeuralCleanse(victim())(victim())
    with pytest.raises(SettingsError, match="norm must be"):
        NeuralCleanse(victim())(victim(), norm=3)
    with pytest.raises(SettingsError, match="steps must be"):
        NeuralCleanse(victim())(victim(), steps=0)
    with pytest.raises(SettingsError, match="patience must be"):
        NeuralCleanse(victim())(victim(), patience=0)
    with pytest.raises(SettingsError, match="mitigation_types must be"):
        cleansed.mitigate(X, Y, ["unlearning", "praying"])
    with pytest.raises(SettingsError, match="rule must be"):
        cleansed.outlier_detection(X, Y, rule="gut")
    with pytest.raises(DataError, match="requires validation rows"):
        cleansed.mitigate(X[:0], Y[:0], ["unlearning"])
    with pytest.raises(DataError, match="class numbers"):
        cleansed.mitigate(X, np.zeros((225, 3)), ["unlearning"])
    with pytest.raises(CapabilityError, match="evaluation mode"):
        cleansed.predict(X, training_mode=True)
    with pytest.raises(CapabilityError, match="got SGDClassifier"):
        NeuralCleanse(SGDClassifier())
    with pytest.raises(AntivenomError):
        NeuralCleanse(victim().module)(victim().module).predict(np.zeros((3, 5, 5), np.float32))


def test_a_scan_that_flags_nothing_warns_that_nothing_was_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    cleansed = NeuralCleanse(module)(module, steps=3)
    found = Scan(steps=3).scan(as_classifier(module, input_shape=(1, 8, 8)), CLEAN, rng=Rng(0))
    none = torch.zeros(10, dtype=torch.bool)
    calm = replace(found, flagged=none, inconclusive=none, p_value=torch.full((10,), 0.5))
    monkeypatch.setattr(Scan, "scan", lambda *_, **__: calm)
    before = cleansed.predict(X)
    with pytest.warns(UserWarning, match="mitigate changed nothing: no backdoor detected"):
        cleansed.mitigate(X, Y, ["unlearning"])
    assert np.array_equal(cleansed.predict(X), before)
    assert cleansed.assumptions[-1].startswith("mitigate changed nothing: no backdoor detected")


def test_clip_values_are_the_range_of_a_module() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    cleansed = NeuralCleanse(module)(module, steps=3, clip_values=(0, 255))
    assert cleansed.predict(255 * X).shape == (225, 10)
    cleansed.outlier_detection(255 * X, Y)
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        NeuralCleanse(module)(module, steps=3).outlier_detection(255 * X, Y)
    with pytest.raises(SettingsError, match="clip_values must be omitted"):
        NeuralCleanse(victim())(victim(), clip_values=(0, 255))


def test_rows_in_the_other_layout_are_refused_with_how_to_turn_them() -> None:
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.LazyLinear(4))
    classifier = as_classifier(net, input_shape=(3, 8, 6))
    with pytest.raises(DataError, match=r"as the classifier takes; got .* Pass x.transpose\(0, 3, 1, 2\)"):
        NeuralCleanse(classifier)(classifier).predict(np.zeros((2, 8, 6, 3), np.float32))
    with pytest.raises(DataError, match=r"pass x.permute\(0, 3, 1, 2\)"):
        classifier.scores(torch.zeros(2, 8, 6, 3))
