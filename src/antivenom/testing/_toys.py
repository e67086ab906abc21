"""Toy problems that are easy to learn, and helpers of the checks."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.data import Dataset
from antivenom.models import Classifier, Model
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.testing._device import cache_here, here
from antivenom.training.end_to_end import EndToEnd

CLASSES = 4


def toy_images(rows: int = 240, seed: int = 0) -> Dataset:
    """Return images of 6 × 6 pixels in uint8. Each class is bright in its own corner, with noise. Easy to learn.

    >>> toy_images().x.shape
    torch.Size([240, 1, 6, 6])
    """
    y = torch.arange(rows) % CLASSES
    noise = torch.rand(rows, 1, 6, 6, generator=Rng(seed).child("toy").generator())
    x = (noise * 120).to(torch.uint8)
    for label, (row, column) in enumerate(((0, 0), (0, 3), (3, 0), (2, 2))):
        x[y == label, :, row : row + 3, column : column + 3] += 110
    return Dataset.from_arrays(x, y, channels="first").to(here())


def toy_table(rows: int = 240, seed: int = 0) -> Dataset:
    """Return rows of 8 numbers in [0, 1]. Each class has two high numbers. Easy to learn."""
    y = torch.arange(rows) % CLASSES
    x = torch.rand(rows, 8, generator=Rng(seed).child("toy").generator()) * 0.5
    for label in range(CLASSES):
        x[y == label, 2 * label : 2 * label + 2] += 0.45
    return Dataset.from_arrays(x, y, bounds=(0.0, 1.0)).to(here())


@contextmanager
def global_state_untouched() -> Iterator[None]:
    """Enter a block that fails if it draws from, or seeds, a global random stream."""
    before = torch.random.get_rng_state(), _numpy_state(), _device_state()
    yield
    after = torch.random.get_rng_state(), _numpy_state(), _device_state()
    assert torch.equal(before[0], after[0]), "torch's global random state was changed; draw from `rng` instead"
    assert before[1] == after[1], "NumPy's global random state was changed; draw from `rng` instead"
    assert torch.equal(before[2], after[2]), f"torch's global random state on '{here()}' was changed; draw from `rng`"


def toy_network(input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return a network with batch normalisation and dropout, so that its training and evaluation modes differ.

    >>> toy_network((1, 6, 6), 4)[-1]
    Linear(in_features=12, out_features=4, bias=True)
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(input_shape), 12),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(12, classes),
    )


def toy_model(data: Dataset) -> Classifier:
    """Return a small untrained network for toy data, on the device of the block."""
    model = MLP(hidden=(16,)).build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=Rng(0))
    return model.to(here())


def toy_victim() -> Classifier:
    """Return a new copy of a small network that was trained on toy images."""
    return _trained().copy()


@cache_here
def _trained() -> Classifier:
    data = toy_images(seed=1)
    return EndToEnd(epochs=8, learning_rate=1e-2, batch_size=32).fit(toy_model(data), data, rng=Rng(0))


def toy_classifier(model: Model) -> Classifier:
    """Return the classifier that an architecture builds for toy images, on the CPU."""
    return model.build(input_shape=(1, 6, 6), classes=CLASSES, bounds=(0.0, 1.0), rng=Rng(0))


def bytes_of(classifier: Classifier) -> bytes:
    return b"".join(value.cpu().numpy().tobytes() for value in classifier.state().values())


def _numpy_state() -> bytes:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - it is only read
    return bytes(state["key"].tobytes()) + bytes([state["pos"] % 256])


def _device_state() -> Tensor:
    if here().type == "cpu":
        return torch.random.get_rng_state()
    return torch.get_device_module(here()).get_rng_state(here())  # type: ignore[no-any-return]
