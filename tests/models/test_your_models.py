"""Everybody's models: scikit-learn's, Keras', a module with batch normalisation, one that gives probabilities."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from torch import nn

from antivenom.attacks import GradientPoison
from antivenom.attacks.one_step import objective_for
from antivenom.attacks.victim_step import VictimStep
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import Classifier, as_classifier
from antivenom.models.files import read_weights
from antivenom.models.keras import KerasClassifier
from antivenom.models.module import Module
from antivenom.models.preact_resnet18 import PreactResnet18
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.storage.store import Store
from antivenom.testing import check_classifier, toy_images
from antivenom.training.end_to_end import EndToEnd

DATA = toy_images()
SHAPE, CLASSES = DATA.shape, len(DATA.classes)
NO_DRAW = {"classifier_draws_new_weights": "naive Bayes draws nothing: every fresh one is the same"}


def quietly(work: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return work()


ESTIMATORS = {
    "MLPClassifier": lambda: MLPClassifier((8,), max_iter=20),
    "SGDClassifier, log loss": lambda: SGDClassifier(loss="log_loss"),
    "SGDClassifier": SGDClassifier,
    "Perceptron": Perceptron,
    "LogisticRegression": LogisticRegression,
    "GaussianNB": GaussianNB,
}


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_keep_every_promise(name: str, fitted: bool) -> None:
    estimator = ESTIMATORS[name]()
    if fitted:
        quietly(lambda: estimator.fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy()))
    classifier = as_classifier(estimator, input_shape=SHAPE, classes=CLASSES)
    assert isinstance(classifier, Classifier)
    quietly(lambda: check_classifier(classifier, DATA, waive=NO_DRAW if name == "GaussianNB" else None))


def test_an_estimator_says_what_it_cannot_do() -> None:
    forest = RandomForestClassifier(5).fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy())
    classifier = as_classifier(forest, input_shape=SHAPE)
    assert classifier.can == {"probabilities"}
    assert float((classifier.scores(DATA.inputs()).argmax(1) == DATA.y).float().mean()) > 0.9
    for ask in (
        lambda: classifier.logits(DATA.inputs()),
        lambda: classifier.features(DATA.inputs()),
        lambda: classifier.learn(DATA.inputs(), DATA.y),
        lambda: classifier.silence("x", torch.tensor([0])),
        lambda: classifier.with_head(3, Rng(0)),
        classifier.state,
    ):
        with pytest.raises(CapabilityError, match="RandomForestClassifier"):
            ask()
    with pytest.raises(CapabilityError, match="requires gradients"):
        EndToEnd(epochs=1).fit(classifier, DATA, rng=Rng(0))


def test_an_estimator_that_does_not_fit_is_refused() -> None:
    x, y = DATA.inputs().flatten(1).numpy(), DATA.y.numpy()
    for estimator, settings, message in (
        (LinearRegression(), {}, "must be a scikit-learn classifier"),
        (GaussianNB(), {}, "never fitted"),
        (GaussianNB().fit(x, y + 1), {}, "must be fitted on classes 0, 1"),
        (GaussianNB().fit(x, y), {"classes": 9}, "must be 4, as the estimator was fitted; got 9"),
        (GaussianNB().fit(x[:, :5], y), {}, "fitted on 5 columns"),
        (GaussianNB().fit(x, y), {"mean": 0.5}, "mean requires an nn.Module"),
        ("a model", {}, "got str"),
    ):
        with pytest.raises(SettingsError, match=message):
            as_classifier(estimator, input_shape=SHAPE, **settings)


def test_an_estimators_weights_fit_or_are_refused() -> None:
    one = as_classifier(SGDClassifier(), input_shape=SHAPE, classes=CLASSES)
    one.learn(DATA.inputs(), DATA.y)
    other = as_classifier(GaussianNB(), input_shape=SHAPE, classes=CLASSES)
    with pytest.raises(CapabilityError, match="which does not have 'coef_'"):
        other.with_state(one.state())
    state = {**one.state(), "coef_": torch.zeros(2, 2)}
    with pytest.raises(CapabilityError, match="a different shape"):
        one.with_state(state)


def batch_normalised() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(96, CLASSES)
    )


def test_modules_keep_every_promise() -> None:
    check_classifier(as_classifier(batch_normalised(), input_shape=SHAPE), DATA)
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, CLASSES), nn.Softmax(1))
    check_classifier(as_classifier(module, input_shape=SHAPE, outputs="probabilities", mean=0.5, std=0.25), DATA)


def keras_models() -> dict[str, Any]:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    layers = keras.layers
    image = layers.Input((6, 6, 1))
    branch = layers.Conv2D(3, 3, activation="relu")(image)
    joined = layers.Concatenate()([layers.Flatten()(branch), layers.Flatten()(image)])
    return {
        "sequential": keras.Sequential(
            [
                layers.Input((6, 6, 1)),
                layers.Conv2D(4, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.Flatten(),
                layers.Dropout(0.2),
                layers.Dense(CLASSES),
            ]
        ),
        "probabilities": keras.Sequential(
            [layers.Input((1, 6, 6)), layers.Flatten(), layers.Dense(8), layers.Dense(CLASSES, activation="softmax")]
        ),
        "functional": keras.Model(image, layers.Dense(CLASSES)(joined)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sequential", "probabilities", "functional"])
def test_keras_models_keep_every_promise(name: str) -> None:
    outputs = "probabilities" if name == "probabilities" else "logits"
    classifier = as_classifier(keras_models()[name], input_shape=SHAPE, outputs=outputs)
    assert isinstance(classifier, KerasClassifier)
    assert classifier.channels_last == (name != "probabilities")
    check_classifier(classifier, DATA)


@pytest.mark.slow
def test_a_keras_model_is_trained_as_any_other() -> None:
    classifier = as_classifier(keras_models()["sequential"], input_shape=SHAPE)
    before = classifier.state()
    trained = EndToEnd(epochs=60, batch_size=32, learning_rate=5e-3).fit(classifier, DATA, rng=Rng(0))
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


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 64, 64), (1, 8, 8)])
def test_preact_resnet18_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    classifier = PreactResnet18(width=4).build(input_shape=shape, classes=7, bounds=(0, 1), rng=Rng(0))
    assert classifier.scores(torch.rand(3, *shape)).shape == (3, 7)
    assert classifier.features(torch.rand(3, *shape)).shape == (3, 32)


def test_preact_resnet18_has_the_published_number_of_weights() -> None:
    net = PreactResnet18().build(input_shape=(3, 32, 32), classes=10, bounds=(0, 1), rng=Rng(0))
    assert sum(parameter.numel() for parameter in net.module.parameters()) == 11_171_146
    with pytest.raises(SettingsError, match="requires images"):
        PreactResnet18().build(input_shape=(5,), classes=2, bounds=None, rng=Rng(0))


def test_a_layout_that_onednn_overruns_is_not_chosen() -> None:
    """Decision 5: with channels last, this corrupts the heap, so it may not even be tried here."""
    for channels, risky in ((4, True), (16, False)):
        classifier = PreactResnet18(width=channels).build(input_shape=(1, 8, 8), classes=3, bounds=(0, 1), rng=Rng(0))
        filters = classifier.module.stages[1][0].conv_2.weight
        assert filters.is_contiguous(memory_format=torch.channels_last) != risky
    for _ in range(20):
        narrow = PreactResnet18(width=4).build(input_shape=(1, 8, 8), classes=3, bounds=(0, 1), rng=Rng(0))
        narrow.learn(torch.rand(8, 1, 8, 8), torch.arange(8) % 3)


def net(input_shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(input_shape)), classes))


def made(weights: Path | None) -> Classifier:
    component = Module(factory="tests.models.test_your_models:net", weights=None if weights is None else str(weights))
    return component.build(input_shape=SHAPE, classes=CLASSES, bounds=(0, 1), rng=Rng(3))


@pytest.mark.parametrize("wrapped", ["", "state_dict", "model"])
def test_a_module_starts_with_weights_from_a_file(tmp_path: Path, wrapped: str) -> None:
    module = net(SHAPE, CLASSES)
    state = module.state_dict()
    torch.save({wrapped: state, "epoch": 3} if wrapped else state, tmp_path / "net.pt")
    found = made(tmp_path / "net.pt").state()
    assert all(torch.equal(found[name], value) for name, value in state.items())
    assert not torch.equal(made(None).state()["1.weight"], state["1.weight"])


def test_weights_that_do_not_fit_are_named_one_by_one(tmp_path: Path) -> None:
    torch.save({"1.weights": torch.zeros(CLASSES, 36), "1.bias": torch.zeros(7)}, tmp_path / "net.pt")
    with pytest.raises(SettingsError) as caught:
        made(tmp_path / "net.pt")
    assert len(caught.value.problems) == 3
    assert "no '1.weight'. Did you mean '1.weights'?" in caught.value.problems[0]


def test_other_weights_are_another_stage(tmp_path: Path) -> None:
    file, store = tmp_path / "net.pt", Store(tmp_path / "store")
    found = []
    for value in (0.0, 1.0):
        torch.save({"1.weight": torch.full((CLASSES, 36), value), "1.bias": torch.zeros(CLASSES)}, file)
        component = Module(factory="tests.models.test_your_models:net", weights=str(file))
        blank = component.build(input_shape=SHAPE, classes=CLASSES, bounds=(0, 1), rng=Rng(0))
        stages = Stages(store, torch.device("cpu"))
        fitted = stages.fit("victim", EndToEnd(epochs=1), component, blank, DATA, Rng(0), 0)
        found.append(fitted.classifier.state()["1.weight"])
        assert not stages.timings[0]["stored"]
    assert not torch.equal(*found)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("1",)


def test_a_file_of_weights_runs_nothing(tmp_path: Path) -> None:
    torch.save({"weight": Hostile()}, tmp_path / "net.pt")
    with pytest.raises(DataError, match="must contain weights only"):
        read_weights(tmp_path / "net.pt")
    with pytest.raises(DataError, match="must end in"):
        (tmp_path / "net.pkl").write_bytes(b"")
        read_weights(tmp_path / "net.pkl")


# Gradients through a victim's step ------------------------------------------------------------------------------------


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


def test_a_residual_network_is_poisoned_too() -> None:
    data = toy_images()
    net = PreactResnet18(width=4).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    made = GradientPoison(count=4, rounds=2).poison(data, rng=Rng(0), surrogate=net)
    assert not torch.equal(made.x, data.x[made.rows])
