"""Keras models as classifiers."""

import pytest
import torch

from antivenom.attacks.one_step import objective_for
from antivenom.attacks.victim_step import VictimStep
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import as_classifier
from antivenom.models.keras import KerasClassifier
from antivenom.rng import Rng
from antivenom.testing import check_classifier, toy_images
from antivenom.training.end_to_end import EndToEnd
from tests.helpers.keras_models import keras_models

DATA = toy_images()
SHAPE, CLASSES = DATA.shape, len(DATA.classes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sequential", "probabilities", "functional"])
def test_keras_models_keep_every_promise(name: str) -> None:
    outputs = "probabilities" if name == "probabilities" else "logits"
    classifier = as_classifier(keras_models()[name], input_shape=SHAPE, outputs=outputs)
    assert isinstance(classifier, KerasClassifier)
    assert (classifier.channels == "last") == (name != "probabilities")
    check_classifier(classifier, DATA)


@pytest.mark.slow
def test_a_keras_model_is_trained_as_any_other() -> None:
    classifier = as_classifier(keras_models()["sequential"], input_shape=SHAPE)
    before = classifier.state()
    trained = EndToEnd(epochs=20, batch_size=32, learning_rate=2e-2).fit(classifier, DATA, rng=Rng(0))
    assert float((trained.scores(DATA.inputs()).argmax(1) == DATA.y).float().mean()) > 0.9
    assert all(torch.equal(value, before[name]) for name, value in classifier.state().items())
    moved = [name for name, value in trained.state().items() if not torch.equal(value, before[name])]
    assert any("moving_mean" in name for name in moved)


def test_keras_channels_are_turned_and_not_mixed() -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    take = keras.Sequential([keras.layers.Input((4, 5, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x = torch.rand(7, 3, 4, 5)
    scores = as_classifier(take, input_shape=(3, 4, 5)).logits(x)
    assert torch.allclose(scores, take(x.permute(0, 2, 3, 1)))
    with pytest.raises(SettingsError, match="does not accept rows"):
        as_classifier(take, input_shape=(3, 5, 5))


def test_keras_units_are_silenced_and_unknown_ones_refused() -> None:
    classifier = as_classifier(keras_models()["sequential"], input_shape=SHAPE).fresh(Rng(0))
    name = classifier.layers()[0]
    silent = classifier.silence(name, torch.tensor([1]))
    features = silent.features(DATA.inputs()[:3], name).reshape(3, 4, 4, 4)
    assert (features[..., 1] == 0).all()
    assert (features[..., 0] != 0).any()
    for ask in (
        lambda: classifier.silence("no such", torch.tensor([0])),
        lambda: classifier.silence(classifier.layers()[2], torch.tensor([0])),
        lambda: classifier.with_state({}),
        lambda: classifier.with_state(dict.fromkeys(classifier.state(), torch.zeros(1))),
    ):
        with pytest.raises(CapabilityError):
            ask()


@pytest.mark.parametrize("name", ["sequential", "functional"])
def test_a_step_of_a_keras_model_is_differentiated_through(name: str) -> None:
    """A real step of Keras' own variables, against the exact value; and small moves against the gradient."""
    classifier = as_classifier(keras_models()[name], input_shape=SHAPE).fresh(Rng(0))
    objective = objective_for(classifier, VictimStep(0.5, 2.0), DATA.inputs()[:6], DATA.y[:6], attack="test")
    x, y = DATA.inputs()[6:8], (DATA.y[6:8] + 1) % CLASSES
    values, slopes = objective.gradients(x, y)
    stepped = classifier.copy()
    stepped.module.eval()
    held = stepped.module.trainable_variables
    loss = torch.nn.functional.cross_entropy(stepped.logits(x[:1]), y[:1])
    grown = torch.autograd.grad(loss, [one.value for one in held])
    with torch.no_grad():
        for one, slope in zip(held, grown, strict=True):
            one.value.data.sub_(slope, alpha=0.5 * (2.0 if one.path.endswith("bias") else 1.0))
        after = torch.nn.functional.cross_entropy(stepped.logits(DATA.inputs()[:6]), DATA.y[:6], reduction="sum")
    assert float(values[0]) == pytest.approx(float(after), rel=1e-4)
    for way in (torch.sign(slopes), torch.ones_like(slopes)):
        moved = objective.values(x + 2e-4 * way, y) - objective.values(x - 2e-4 * way, y)
        assert torch.allclose(moved / 4e-4, (slopes * way).flatten(1).sum(1), rtol=0.05, atol=0.2)


def test_frozen_layers_of_keras_keep_their_weights() -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    layers = [keras.layers.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.Dense(4)]
    model = keras.Sequential(layers)
    assert not any("rozen" in each for each in as_classifier(model, input_shape=SHAPE).assumptions)
    model.layers[1].trainable = False
    classifier = as_classifier(model, input_shape=SHAPE)
    assert any("Frozen layers keep their weights" in each for each in classifier.assumptions)
    trained = EndToEnd(epochs=1, batch_size=32).fit(classifier, DATA, rng=Rng(0))
    kept = [torch.equal(value, trained.state()[name]) for name, value in classifier.state().items()]
    assert kept == [True, True, False, False]
    assert list(trained.weights()) == list(classifier.weights())


def test_one_number_of_keras_is_two_classes() -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    dense = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.layers.Input((6, 6, 1)), keras.layers.Flatten(), dense])
    classifier = as_classifier(model, input_shape=SHAPE, outputs="probabilities")
    x = DATA.inputs()[:5]
    assert classifier.classes == 2
    assert torch.allclose(classifier.scores(x)[:, 1:], model(x.movedim(1, -1)).detach(), atol=1e-6)


def test_two_outputs_of_keras_are_chosen_without_a_forward() -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    image = keras.layers.Input((6, 6, 1))
    flat = keras.layers.Flatten()(image)
    model = keras.Model(image, [keras.layers.Dense(4)(flat), keras.layers.Dense(3)(flat)])
    with pytest.raises(
        SettingsError, match=r"keras\.Model\(model\.input, model\.output\[0\]\)\. Or pass classes="
    ) as caught:
        as_classifier(model, input_shape=SHAPE)
    assert "forward" not in str(caught.value)
    assert as_classifier(keras.Model(model.input, model.output[0]), input_shape=SHAPE).classes == 4
    assert as_classifier(model, input_shape=SHAPE, classes=3).classes == 3


@pytest.mark.parametrize("size", [8, None])
def test_an_input_shape_with_channels_last_names_the_one_to_pass(size: int | None) -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    layers = [keras.layers.Input((size, size, 1)), keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layers, keras.layers.Dense(4)])
    said = (
        r"Pass input_shape=\(1, 8, 8\), channels first; got \(8, 8, 1\)\. antivenom turns the rows for this Keras model"
    )
    with pytest.raises(SettingsError, match=said):
        as_classifier(model, input_shape=(8, 8, 1))
    assert as_classifier(model, input_shape=(1, 8, 8)).classes == 4
