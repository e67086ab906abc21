"""Networks with a backdoor, as the libraries have them that ART knows, and rows for them."""

import copy
import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from antivenom import load
from antivenom.attacks import BadNets
from antivenom.interop.art import Cleansed, NeuralCleanse
from antivenom.rng import Rng
from antivenom.triggers import Patch

DIGITS = load("digits")
TARGET = 1
POISONED = BadNets(target=TARGET, trigger=Patch(size=2)).poison(DIGITS.train, rng=Rng(0))
CLEAN = DIGITS.test.subset(torch.arange(225))
X, Y = CLEAN.inputs().numpy(), np.eye(10, dtype=np.float32)[CLEAN.y]
REST = DIGITS.test.subset(torch.arange(225, 450))
OTHERS = REST.y.numpy() != TARGET
TRIGGERED = POISONED.goal.triggered(REST).inputs().numpy()[OTHERS]  # type: ignore[attr-defined]
SETTINGS = {"steps": 60, "patience": 2, "norm": 1}
"""Settings that find the backdoor in a few seconds."""


def last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def trained() -> tuple[np.ndarray, np.ndarray]:
    return POISONED.data.inputs().numpy(), np.eye(10, dtype=np.float32)[POISONED.data.y]


def plain() -> nn.Sequential:
    torch.manual_seed(0)
    convolution = nn.Conv2d(1, 8, 3, padding=1)
    return nn.Sequential(
        convolution, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 10)
    )


def of_art(module: nn.Module) -> Any:
    estimators = pytest.importorskip("art.estimators.classification", reason="ART is not installed")
    return estimators.PyTorchClassifier(
        model=module,
        loss=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(module.parameters(), lr=5e-3),
        input_shape=(1, 8, 8),
        nb_classes=10,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )


def module() -> nn.Module:
    """A copy of the trained network: ART leaves hooks in the networks that it was given."""
    return copy.deepcopy(trained_module())


@cache
def trained_module() -> nn.Module:
    net = plain()
    of_art(net).fit(*trained(), batch_size=64, nb_epochs=12)
    return net.eval()


@cache
def keras_model() -> Any:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    convolution = layers.Conv2D(8, 3, activation="relu")
    hidden, output = layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")
    model = keras.Sequential(
        [layers.Input((8, 8, 1)), convolution, layers.MaxPooling2D(), layers.Flatten(), hidden, output]
    )
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(5e-3), metrics=["accuracy"])
    x, y = trained()
    model.fit(last(x), y, batch_size=64, epochs=24, verbose=0)
    return model


def of_art_keras(**settings: Any) -> Any:
    """ART's KerasClassifier of a model on the torch backend. Its constructor imports TensorFlow, which is stubbed."""
    estimators = pytest.importorskip("art.estimators.classification.keras", reason="ART is not installed")
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    model, stub = keras_model(), types.ModuleType("tensorflow")
    stub.function = lambda **_: lambda plain: plain  # type: ignore[attr-defined]
    names = {"tensorflow": stub, "tensorflow.keras": keras, "tensorflow.keras.layers": keras.layers}
    with pytest.MonkeyPatch.context() as patch:
        for name, each in names.items():
            patch.setitem(sys.modules, name, each)
        return estimators.KerasClassifier(**{"model": model, "clip_values": (0, 1), **settings})


KINDS: dict[str, tuple[Callable[[], Any], Callable[[np.ndarray], np.ndarray]]] = {
    "nn.Module": (module, np.asarray),
    "PyTorchClassifier": (lambda: of_art(module()), np.asarray),
    "Keras": (keras_model, last),
    "KerasClassifier": (of_art_keras, last),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, **settings: Any) -> tuple[Any, Cleansed, Callable[[np.ndarray], np.ndarray]]:
    make, turn = KINDS[kind]
    model = make()
    return model, NeuralCleanse(model)(model, **settings), turn


def success(cleansed: Cleansed, rows: np.ndarray) -> float:
    predicted = cleansed.predict(rows)
    return float((predicted.any(1) & (predicted.argmax(1) == TARGET)).mean())
