"""The layout of images in the interface of ART: channels first or last, shapes, ranges and labels."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from antivenom.errors import AntivenomError, DataError, SettingsError
from antivenom.interop.art import NeuralCleanse
from antivenom.models import as_classifier

X = np.random.default_rng(0).random((60, 3, 8, 8), np.float32)
LAST = np.moveaxis(X, 1, -1).copy()
Y = np.arange(60) % 10
MASKS = (10, 3, 8, 8)


class TakesLast(nn.Module):
    """A network that takes images with their channels last, as ART passes them on."""

    def __init__(self, classes: int = 10, scale: float = 1.0) -> None:
        super().__init__()
        self.convolution, self.output = nn.Conv2d(3, 6, 3), nn.Linear(216, classes)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.convolution(x.permute(0, 3, 1, 2) / self.scale).flatten(1))


def of_art(module: nn.Module, shape: tuple[int, ...] = (8, 8, 3), **settings: Any) -> Any:
    estimators = pytest.importorskip("art.estimators.classification", reason="ART is not installed")
    settings = {"nb_classes": 10, "clip_values": (0, 1), "channels_first": False, **settings}
    return estimators.PyTorchClassifier(
        model=module, loss=nn.CrossEntropyLoss(), input_shape=shape, device_type="cpu", **settings
    )


def takes_first() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(216, 10))


def of_keras(shape: tuple[int, ...], order: str | None) -> Any:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    first = [] if order is None else [keras.layers.Conv2D(6, 3, data_format=order)]
    return keras.Sequential([keras.layers.Input(shape), *first, keras.layers.Flatten(), keras.layers.Dense(10)])


MODELS = {
    "ART, channels last": (lambda: of_art(TakesLast()), LAST),
    "ART, channels first": (
        lambda: of_art(
            nn.Sequential(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(216, 10)), (3, 8, 8), channels_first=True
        ),
        X,
    ),
    "Keras, channels first": (lambda: of_keras((3, 8, 8), "channels_first"), X),
    "Keras, channels last": (lambda: of_keras((8, 8, 3), "channels_last"), LAST),
    "Keras, first by its shape": (lambda: of_keras((3, 8, 8), None), X),
    "Keras, last by its shape": (lambda: of_keras((8, 8, 3), None), LAST),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_mask_lies_over_height_and_width(name: str) -> None:
    make, rows = MODELS[name]
    model = make()
    cleansed = NeuralCleanse(model)(model, steps=3)
    cleansed.outlier_detection(rows, Y)
    assert tuple(cleansed.verdict.triggers.masks.shape) == MASKS
    mask, pattern = cleansed.generate_backdoor(rows, Y, np.eye(10)[3])
    assert mask.shape == pattern.shape == rows.shape[1:], "a mask has the channels of the rows, as in ART"
    direct = model.predict(rows) if hasattr(model, "clip_values") else model(torch.from_numpy(rows)).detach().numpy()
    assert np.allclose(cleansed.predict(rows), direct, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_rows_of_another_layout_are_refused(name: str) -> None:
    make, rows = MODELS[name]
    model, turned = make(), LAST if rows is X else X
    cleansed = NeuralCleanse(model)(model, steps=1)
    for call in (
        lambda: cleansed.outlier_detection(turned, Y),
        lambda: cleansed.predict(turned),
        lambda: cleansed.generate_backdoor(turned, Y, np.asarray(3)),
        lambda: cleansed.mitigate(turned, Y, ["unlearning"]),
        lambda: cleansed.predict(rows[:, 1:]),
    ):
        with pytest.raises(DataError, match="x must have rows of shape"):
            call()


@pytest.mark.parametrize("shape", [(3, 3, 3), (8, 8, 8), (4, 4, 4)])
def test_an_ambiguous_shape_of_keras_is_refused(shape: tuple[int, ...]) -> None:
    model = of_keras(shape, None)
    with pytest.raises(AntivenomError, match="channels"):
        NeuralCleanse(model)(model, steps=1)
    with pytest.raises(SettingsError, match="channels"):
        as_classifier(model, input_shape=shape)


@pytest.mark.parametrize("order", ["channels_first", "channels_last"])
def test_an_ambiguous_shape_is_clear_if_a_layer_states_the_order(order: str) -> None:
    model = of_keras((8, 8, 8), order)
    x = torch.rand(5, 8, 8, 8)
    classifier = as_classifier(model, input_shape=(8, 8, 8))
    taken = x if order == "channels_first" else x.movedim(1, -1)
    assert torch.allclose(classifier.logits(x), model(taken))
    layer = classifier.layers()[0]
    assert classifier.activations(x, (layer,))[layer].shape == (5, 6, 6, 6)


def test_activations_of_a_model_with_channels_first_have_their_channels_first() -> None:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    order = {"data_format": "channels_first"}
    layers = [keras.layers.Input((3, 8, 8)), keras.layers.Conv2D(5, 3, **order), keras.layers.Flatten()]
    classifier = as_classifier(keras.Sequential([*layers, keras.layers.Dense(4)]), input_shape=(3, 8, 8))
    name = classifier.layers()[0]
    assert classifier.activations(torch.rand(2, 3, 8, 8), (name,))[name].shape == (2, 5, 6, 6)


def test_rows_in_0_to_255_work_with_such_clip_values_and_with_no_others() -> None:
    wide, narrow = of_art(TakesLast(scale=255.0), clip_values=(0, 255)), of_art(TakesLast())
    cleansed = NeuralCleanse(wide)(wide, steps=3)
    for rows in (255 * LAST, (255 * LAST).astype(np.uint8)):
        cleansed.outlier_detection(rows, Y)
        assert tuple(cleansed.verdict.triggers.masks.shape) == MASKS
    with pytest.raises(DataError, match=r"\[0, 255\]"):
        cleansed.outlier_detection(LAST, Y)
    with pytest.raises(DataError, match=r"\[0, 1\]"):
        NeuralCleanse(narrow)(narrow, steps=3).outlier_detection(255 * LAST, Y)
    broken = LAST.copy()
    broken[0, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="finite"):
        NeuralCleanse(narrow)(narrow, steps=3).outlier_detection(broken, Y)


@pytest.mark.parametrize("classes", [9, 11, 2])
def test_another_number_of_classes_than_art_states_is_refused(classes: int) -> None:
    model = of_art(TakesLast(classes))
    with pytest.raises(SettingsError, match=f"nb_classes is 10, but the model returns {classes}"):
        NeuralCleanse(model)(model, steps=1)


@pytest.mark.parametrize(
    "labels", [Y, Y[:, None], np.eye(10)[Y], np.eye(10, dtype=bool)[Y]], ids=["n", "n1", "1h", "bool"]
)
def test_labels_of_every_format_are_the_same(labels: np.ndarray) -> None:
    model = of_art(TakesLast())
    cleansed = NeuralCleanse(model)(model, steps=2)
    assert cleansed._data(LAST, labels).y.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "labels", [np.eye(9)[Y % 9], np.full((60, 10), 0.5), Y + 0.5, Y + 1, Y - 1], ids=["9", "soft", "half", "11", "-1"]
)
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray) -> None:
    model = of_art(TakesLast())
    with pytest.raises(DataError, match="abels"):
        NeuralCleanse(model)(model, steps=2).outlier_detection(LAST, labels)


def test_a_keras_model_of_images_from_0_to_255_gets_their_range_and_layout() -> None:
    model = of_keras((8, 8, 3), "channels_last")
    cleansed = NeuralCleanse(model)(model, steps=2, clip_values=(0, 255))
    assert cleansed.predict(255 * LAST).shape == (60, 10)
    cleansed.outlier_detection(255 * LAST, Y)
    assert any("rows in [0, 255]" in each for each in cleansed.assumptions)
    with pytest.raises(DataError, match=r"also for a model that takes them last"):
        as_classifier(model, input_shape=(3, 8, 8), bounds=(0, 255)).scores(torch.from_numpy(255 * LAST))
