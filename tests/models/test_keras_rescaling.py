"""Keras models that rescale their rows themselves."""

from typing import Any

import numpy as np
import pytest

from antivenom.errors import SettingsError
from antivenom.models import Classifier, as_classifier

SHAPE = (3, 6, 6)


def model(*first: Any, inside: bool = False) -> Any:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    layers = keras.layers
    if inside:
        first = (keras.Sequential([layers.Input((6, 6, 3)), *first, layers.Conv2D(2, 3)]),)
    return keras.Sequential([layers.Input((6, 6, 3)), *first, layers.Flatten(), layers.Dense(4)])


def rescaling(scale: float = 1 / 255, offset: float = 0.0) -> Any:
    return pytest.importorskip("keras").layers.Rescaling(scale, offset, name="scale")


def normalization(mean: float = 120.0, variance: float = 58.0**2) -> Any:
    return pytest.importorskip("keras").layers.Normalization(mean=[mean] * 3, variance=[variance] * 3, name="norm")


def converted(made: Any, **settings: Any) -> Classifier:
    return as_classifier(made, input_shape=SHAPE, **settings)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("first", [rescaling, lambda: rescaling(1 / 127.5, -1.0), normalization])
def test_rows_in_the_unit_range_are_refused(first: Any, inside: bool) -> None:
    with pytest.raises(SettingsError, match=r"rescales its rows itself.*bounds=\(0, 255\).*std=0\.00392157"):
        converted(model(first(), inside=inside))
    taken = converted(model(first(), inside=inside), bounds=(0, 255))
    assert any("rescales rows in [0, 255] to [" in each for each in taken.assumptions)
    assert not any("without normalisation" in each for each in taken.assumptions)


def test_the_setting_that_the_message_names_is_right() -> None:
    made = model(rescaling())
    bytes_, fractions = converted(made, bounds=(0, 255)), converted(made, mean=0, std=1 / 255)
    x = np.random.default_rng(0).random((4, *SHAPE)).astype(np.float32)
    torch = pytest.importorskip("torch")
    rows = torch.from_numpy(x)
    assert torch.allclose(bytes_.scores(255 * rows), fractions.scores(rows), atol=1e-5)


def test_layers_that_keep_the_range_are_named_and_later_ones_are_not() -> None:
    taken = converted(model(rescaling(2.0, -1.0)))
    assert "The Keras model rescales rows in [0, 1] to [-1, 1] itself: Rescaling (scale)." in taken.assumptions
    keras = pytest.importorskip("keras")
    later = converted(model(keras.layers.Conv2D(3, 3), rescaling()))
    assert any("without normalisation" in each for each in later.assumptions)
    assert (
        "The Keras model rescales its rows itself: Rescaling (scale)."
        in converted(model(rescaling()), bounds=None).assumptions
    )
