"""Rows, and a network that was trained on them."""

import pytest

from antivenom.data import Dataset
from antivenom.models import MLP, ModuleClassifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import EndToEnd


@pytest.fixture(scope="module")
def data() -> Dataset:
    return toy_images(240)


@pytest.fixture(scope="module")
def trained(data: Dataset) -> ModuleClassifier:
    blank = MLP(hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    return EndToEnd(epochs=8, learning_rate=1e-2, batch_size=32).fit(blank, data, rng=Rng(1))  # type: ignore[return-value]
