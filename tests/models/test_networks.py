"""The reference networks."""

from typing import Any

import pytest
import torch
from torch import nn

from antivenom.errors import SettingsError
from antivenom.models import CNN, MLP, Classifier, ModuleClassifier
from antivenom.rng import Rng
from antivenom.testing import global_state_untouched

IMAGE = {"input_shape": (2, 8, 10), "classes": 5, "bounds": (0.0, 1.0)}


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 2, 8, 10, generator=Rng(seed).generator())


NETWORKS = [MLP(hidden=(6, 4)), MLP(hidden=()), CNN(filters=(3, 4), hidden=(6,)), CNN(filters=(3,), filter_shape=2)]


@pytest.mark.parametrize("model", NETWORKS)
def test_fresh_weights_depend_on_the_stream_alone(model: Any) -> None:
    with global_state_untouched():
        built = model.build(**IMAGE, rng=Rng(0))
        fresh = built.fresh(Rng(1))
    assert same(built, model.build(**IMAGE, rng=Rng(0)))
    assert same(fresh, model.build(**IMAGE, rng=Rng(1)))
    assert not same(built, fresh)
    assert (built.scores(images(3)).shape, built.classes) == ((3, 5), 5)
    assert isinstance(built, Classifier)


def same(one: ModuleClassifier, other: ModuleClassifier) -> bool:
    first, second = one.state(), other.state()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_layers_have_the_widths_that_were_asked_for() -> None:
    state = MLP(hidden=(6, 4), bias_init="ones").build(**IMAGE, rng=Rng(0)).state()
    assert {name: tuple(value.shape) for name, value in state.items() if name.endswith("weight")} == {
        "hidden_1.weight": (6, 160),
        "hidden_2.weight": (4, 6),
        "output.weight": (5, 4),
    }
    assert all((value == 1).all() for name, value in state.items() if name.endswith("bias"))


@pytest.mark.parametrize(
    ("settings", "flat"),
    [
        ({}, 32 * 2 * 2),
        ({"filters": (3,)}, 3 * 4 * 5),
        ({"filters": (3,), "pooling_shape": 1}, 3 * 8 * 10),
        ({"filters": (3,), "padding": "valid"}, 3 * 3 * 4),
        ({"filters": (3,), "padding": "valid", "filter_shape": ((1, 4),), "pooling_shape": 1}, 3 * 8 * 7),
        ({"filters": (3,), "filter_shape": 4, "pooling_shape": ((2, 5),)}, 3 * 4 * 2),
        ({"filters": (3, 4), "filter_shape": (3, (2, 1)), "pooling_shape": (1, (8, 1))}, 4 * 1 * 10),
        ({"filters": ()}, 160),
    ],
)
def test_a_cnn_has_the_shapes_that_were_asked_for(settings: dict[str, Any], flat: int) -> None:
    built = CNN(**settings).build(**IMAGE, rng=Rng(0))
    assert built.features(images(2), "flatten").shape == (2, flat)
    assert not list(CNN(**settings).problems((2, 8, 10)))


@pytest.mark.parametrize("size", [(2, 2), (4, 4), (2, 3), (3, 2), (3, 3), (1, 4), (5, 6)])
def test_same_padding_is_torchs(size: tuple[int, int]) -> None:
    cnn = CNN(filters=(3,), filter_shape=(size,), pooling_shape=1, bias_init="random_normal")
    built = cnn.build(**IMAGE, rng=Rng(0))
    reference = nn.Conv2d(2, 3, size, padding="same")
    state = built.state()
    reference.load_state_dict({"weight": state["conv_1.weight"], "bias": state["conv_1.bias"]})
    with torch.no_grad(), warnings_of_even_filters():
        expected = reference(images(4)).flatten(1)
    assert torch.allclose(built.features(images(4), "conv_1"), expected, atol=1e-6)


def warnings_of_even_filters() -> Any:
    import warnings

    caught = warnings.catch_warnings()
    warnings.filterwarnings("ignore", message="Using padding='same' with even kernel lengths")
    return caught


@pytest.mark.parametrize(
    ("model", "shape", "said"),
    [
        (CNN(), (12,), "requires images"),
        (CNN(filters=(2,) * 4), (1, 8, 8), "too deep for images of 8 × 8"),
        (CNN(filter_shape=9, padding="valid"), (1, 8, 8), "too deep for images"),
    ],
)
def test_a_cnn_says_what_it_cannot_take(model: CNN, shape: tuple[int, ...], said: str) -> None:
    assert said in next(iter(model.problems(shape)))
    with pytest.raises(SettingsError, match=said):
        model.build(input_shape=shape, classes=3, bounds=(0.0, 1.0), rng=Rng(0))


@pytest.mark.parametrize("settings", [{"filter_shape": (3,)}, {"pooling_shape": (2, 2, 2)}])
def test_a_cnn_wants_one_size_for_each_convolution(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="a list of 2, as filters"):
        CNN(**settings)
