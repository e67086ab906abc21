"""Models that take images with their channels last, and input shapes that are not channels first."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from torch import Tensor, nn

from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.models.module import Module
from antivenom.repairs.layer import mean_activations
from antivenom.repairs.pruning import contributions
from antivenom.rng import Rng
from antivenom.testing import check_classifier
from antivenom.training.end_to_end import EndToEnd

SHAPE = (3, 8, 6)
"""Channels, height, width: three different numbers."""


class Last(nn.Module):
    """Takes (n, 8, 6, channels)."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(channels, 5, 3), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.conv(x.permute(0, 3, 1, 2))).mean((2, 3)))  # type: ignore[no-any-return]


class Dense(nn.Module):
    """Takes (n, 8, 6, 3), with a linear layer over the channels of each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.norm, self.out = nn.Linear(3, 7), nn.LayerNorm(7), nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.norm(self.mix(x))).mean((1, 2)))  # type: ignore[no-any-return]


class Viewing(nn.Module):
    """Flattens rows with `view`, so that their order in memory decides."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(144, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(x.view(len(x), -1))  # type: ignore[no-any-return]


def make_last() -> nn.Module:
    return Last()


def rows(n: int = 40, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.rand(n, *shape, generator=Rng(0).generator())


def images(n: int = 40) -> Dataset:
    return Dataset.from_arrays(rows(n), torch.arange(n) % 4, channels="first", bounds=(0, 1))


@pytest.mark.parametrize("make", [Last, Dense, Viewing, lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 4))])
def test_a_module_with_channels_last_gets_them_everywhere(make: type[nn.Module]) -> None:
    net, x = make().eval(), rows()
    classifier = as_classifier(net, input_shape=SHAPE, channels="last")
    assert isinstance(classifier, ModuleClassifier)
    with torch.no_grad():
        expected = net(x.permute(0, 2, 3, 1).contiguous())
    assert torch.allclose(classifier.logits(x), expected, atol=1e-5)
    assert torch.allclose(classifier.scores(x), expected.softmax(1), atol=1e-5)
    assert torch.allclose(classifier.logits_with(classifier.weights(), x), expected, atol=1e-5)
    assert not classifier.returns_logits
    assert "The module takes channels last: rows are converted." in classifier.assumptions
    data = images()
    check_classifier(classifier, data)
    trained = EndToEnd(epochs=1, batch_size=8).fit(classifier, data, rng=Rng(0))
    assert trained.scores(data.inputs()).shape == (40, 4)
    again = as_classifier(make(), input_shape=SHAPE, channels="last").with_state(trained.state())
    assert torch.allclose(again.scores(x), trained.scores(x))


def test_mean_and_std_are_those_of_the_channels() -> None:
    net, x = Last().eval(), rows(4)
    mean = torch.tensor([0.1, 0.2, 0.3])
    classifier = as_classifier(net, input_shape=SHAPE, channels="last", mean=mean, std=(0.5, 0.6, 0.7))
    with torch.no_grad():
        expected = net((x.permute(0, 2, 3, 1) - mean) / torch.tensor([0.5, 0.6, 0.7]))
    assert torch.allclose(classifier.logits(x), expected, atol=1e-5)


def test_the_order_of_the_channels_is_part_of_the_identity() -> None:
    with Rng(0).torch_globally():
        net = Viewing()
    one, other = (as_classifier(net, input_shape=SHAPE, channels=order) for order in ("first", "last"))
    assert isinstance(one, ModuleClassifier) and isinstance(other, ModuleClassifier)
    assert one.identity() != other.identity()


@pytest.mark.parametrize("layer", ["mix", "norm"])
def test_units_of_a_layer_over_the_last_axis_are_found(layer: str) -> None:
    classifier = as_classifier(Dense(), input_shape=SHAPE, channels="last")
    assert isinstance(classifier, ModuleClassifier)
    assert mean_activations(classifier, rows(5), layer).shape == (5, 7)
    data = Dataset.from_arrays(rows(5), [0, 1, 2, 3, 0], channels="first", bounds=(0, 1))
    assert contributions(classifier, data, layer, lambda logits, _: logits.sum()).shape == (7,)


def test_a_spec_names_the_order_of_the_channels() -> None:
    model = Module(factory=f"{__name__}:make_last", channels="last")
    built = model.build(input_shape=SHAPE, classes=4, bounds=(0, 1), rng=Rng(0))
    assert built.scores(rows(2)).shape == (2, 4)
    with pytest.raises(SettingsError, match="Pass channels='last'"):
        Module(factory=f"{__name__}:make_last").build(input_shape=SHAPE, classes=4, bounds=(0, 1), rng=Rng(0))


@pytest.mark.parametrize("make", [Last, Dense])
def test_the_refusal_of_channels_first_names_channels_last(make: type[nn.Module]) -> None:
    with pytest.raises(SettingsError, match=r"rows of shape \(3, 8, 6\): .* Pass channels='last'\."):
        as_classifier(make(), input_shape=SHAPE)


def test_the_refusal_of_channels_last_names_channels_first() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(SettingsError, match=r"Pass channels='first'\."):
        as_classifier(net, input_shape=SHAPE, channels="last")


def test_a_module_that_takes_neither_gets_no_such_advice() -> None:
    with pytest.raises(SettingsError, match="does not accept rows") as caught:
        as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(5, 2)), input_shape=SHAPE)
    assert "channels" not in str(caught.value)


def test_lazy_layers_do_not_hide_the_advice() -> None:
    class Lazy(Last):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.LazyLinear(4)  # type: ignore[assignment]

    with pytest.raises(SettingsError, match=r"Pass channels='last'\."):
        as_classifier(Lazy(), input_shape=SHAPE)
    assert as_classifier(Lazy(), input_shape=SHAPE, channels="last").classes == 4


@pytest.mark.parametrize("channels", ["none", "Last", 3])
def test_other_orders_are_refused(channels: object) -> None:
    with pytest.raises(SettingsError, match=r"channels must be 'first' or 'last'; got"):
        as_classifier(Last(), input_shape=SHAPE, channels=channels)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [nn.Linear(5, 2), GaussianNB()])
def test_channels_last_require_images(model: object) -> None:
    with pytest.raises(SettingsError, match=r"channels='last' requires images.*got \(5,\)"):
        as_classifier(model, input_shape=(5,), channels="last", classes=2)


def test_an_estimator_fitted_on_channels_last_gets_them() -> None:
    x, y = rows(60), torch.arange(60) % 4
    flat = x.permute(0, 2, 3, 1).flatten(1).double().numpy()
    fitted = LogisticRegression(max_iter=5000).fit(flat, y.numpy())
    classifier = as_classifier(fitted, input_shape=SHAPE, channels="last")
    assert np.allclose(classifier.scores(x).numpy(), fitted.predict_proba(flat), atol=1e-6)
    assert not np.allclose(as_classifier(fitted, input_shape=SHAPE).scores(x).numpy(), fitted.predict_proba(flat))
    learner = as_classifier(GaussianNB(), input_shape=SHAPE, channels="last", classes=4)
    learner.learn(x, y)
    assert np.allclose(learner.scores(x).numpy(), GaussianNB().fit(flat, y.numpy()).predict_proba(flat), atol=1e-5)


def test_an_estimator_with_channels_last_is_saved_and_fitted_again() -> None:
    from sklearn.tree import DecisionTreeClassifier

    data = images(60)
    classifier = as_classifier(DecisionTreeClassifier(random_state=0), input_shape=SHAPE, channels="last", classes=4)
    fitted = classifier.fit(data.inputs(), data.y)  # type: ignore[attr-defined]
    assert torch.equal(classifier.with_state(fitted.state()).scores(data.inputs()), fitted.scores(data.inputs()))


FLAT = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


@pytest.mark.parametrize(
    ("model", "shape", "right"),
    [
        (FLAT, (8, 8, 1), r"\(1, 8, 8\)"),
        (GaussianNB(), (8, 8, 1), r"\(1, 8, 8\)"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(2)), (8, 8, 1), r"\(1, 8, 8\)"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), (32, 24, 3), r"\(3, 32, 24\)"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(2)), (28, 28, 4), r"\(4, 28, 28\)"),
    ],
)
def test_a_shape_with_channels_last_is_refused_at_once(model: object, shape: tuple[int, ...], right: str) -> None:
    with pytest.raises(
        SettingsError, match=rf"\(channels, height, width\).*Pass input_shape={right}.*channels='first'"
    ):
        as_classifier(model, input_shape=shape, classes=2)


def test_the_way_out_is_right() -> None:
    assert as_classifier(FLAT, input_shape=(8, 8, 1), channels="first").input_shape == (8, 8, 1)
    assert as_classifier(Last(1), input_shape=(1, 8, 8), channels="last").input_shape == (1, 8, 8)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 3, 3), (8, 8, 8), (3, 8, 3), (4, 1, 1), (1, 1, 5), (64, 7, 7), (9,)])
def test_a_shape_that_can_be_channels_first_is_taken(shape: tuple[int, ...]) -> None:
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    assert as_classifier(net, input_shape=shape).input_shape == shape


@pytest.mark.parametrize("channels", ["first", "last"])
def test_a_shape_that_fails_is_told_the_right_one(channels: str) -> None:
    net: nn.Module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    net = Last(1) if channels == "last" else net
    with pytest.raises(SettingsError, match=r"Pass input_shape=\(1, 8, 8\)"):
        as_classifier(net, input_shape=(8, 8, 1), channels=channels)  # type: ignore[arg-type]


def of_keras(shape: tuple[int, ...], order: str | None) -> object:
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    first = keras.layers.Conv2D(5, 3, data_format=order) if order else keras.layers.Flatten()
    layers = [keras.layers.Input(shape), first, keras.layers.Flatten(), keras.layers.Dense(4)]
    return keras.Sequential(layers)


@pytest.mark.parametrize("channels", ["first", "last"])
def test_a_keras_model_of_ambiguous_order_is_taken_if_it_is_stated(channels: str) -> None:
    model, x = of_keras((8, 8, 8), None), rows(4, (8, 8, 8))
    classifier = as_classifier(model, input_shape=(8, 8, 8), channels=channels)  # type: ignore[arg-type]
    taken = x if channels == "first" else x.movedim(1, -1)
    assert torch.allclose(classifier.logits(x), model(taken), atol=1e-5)  # type: ignore[operator]


@pytest.mark.parametrize(("order", "stated"), [("channels_last", "first"), ("channels_first", "last"), (None, "first")])
def test_an_order_that_a_keras_model_does_not_take_is_refused(order: str | None, stated: str) -> None:
    shape = (3, 8, 6) if order == "channels_first" else (8, 6, 3)
    with pytest.raises(SettingsError, match=f"channels is '{stated}', but the Keras model takes channels"):
        as_classifier(of_keras(shape, order), input_shape=SHAPE, channels=stated)  # type: ignore[arg-type]
