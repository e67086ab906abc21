"""Batches of one row, and networks with batch normalisation."""

from typing import Any

import pytest
import torch
from torch import nn

from antivenom.data import Dataset
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import CNN, as_classifier
from antivenom.models.preact_resnet18 import PreactResnet18
from antivenom.repairs import FinePruning, FineTuning
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.online import Online

SHAPE = (1, 6, 6)


def rows(n: int) -> Dataset:
    return toy_images(240).subset(torch.arange(n))


def normalised(*, dims: int = 1) -> nn.Module:
    if dims == 1:
        return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))


def sizes(classifier: Any, training: Any, data: Dataset) -> list[int]:
    """The number of rows of every batch that a network sees in training mode, in one epoch."""
    seen: list[int] = []

    class Counts(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.training and torch.is_grad_enabled():
                seen.append(len(x))
            return self.inner(x)  # type: ignore[no-any-return]

    counting = as_classifier(Counts(classifier), input_shape=SHAPE)
    training.fit(counting, data, rng=Rng(0), start=counting)
    return seen


@pytest.mark.parametrize("training", [EndToEnd(epochs=1, batch_size=32), Online(batch_size=32, warm_up=None)])
def test_a_last_row_joins_the_batch_before_it_only_if_the_network_requires_it(training: Any) -> None:
    assert sizes(normalised(), training, rows(97)) == [32, 32, 33]
    assert sizes(normalised(dims=2), training, rows(97)) == [32, 32, 32, 1]
    assert sizes(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), training, rows(97)) == [32, 32, 32, 1]
    assert sizes(normalised(), training, rows(98)) == [32, 32, 32, 2]
    assert sizes(normalised(), training, rows(33)) == [33]


@pytest.mark.parametrize("checkpoints", [1, 3, 20])
def test_every_row_of_a_stream_is_learned_once(checkpoints: int) -> None:
    training = Online(batch_size=8, warm_up=None, checkpoints=checkpoints)
    found = sizes(normalised(), training, rows(233))
    assert found == [8] * 28 + [9]


ONE = {
    "end to end": lambda net: EndToEnd(epochs=1, batch_size=1).fit(net, rows(40), rng=Rng(0)),
    "online": lambda net: Online(warm_up=None).fit(net, rows(40), rng=Rng(0)),
    "mixed": lambda net: Online(warm_up=None, schedule="mixed", epochs=1).fit(net, rows(40), rng=Rng(0)),
    "fine tuning": lambda net: FineTuning(epochs=1, batch_size=1).repair(net, rows(40), rng=Rng(0)),
}


@pytest.mark.parametrize("train", ONE.values(), ids=ONE.keys())
def test_batches_of_one_row_are_refused_with_the_setting(train: Any) -> None:
    with pytest.raises(SettingsError, match=r"batch_size must be at least 2.*batch normalisation.*got 1"):
        train(as_classifier(normalised(), input_shape=SHAPE))
    train(as_classifier(normalised(dims=2), input_shape=SHAPE))


def test_one_row_is_too_few() -> None:
    net = as_classifier(normalised(), input_shape=SHAPE)
    with pytest.raises(DataError, match="1 row"):
        EndToEnd(epochs=1).fit(net, rows(1), rng=Rng(0))
    with pytest.raises(CapabilityError, match="requires 2 rows"):
        net.learn(rows(1).inputs(), rows(1).y)


def assert_learned(before: Any, after: Any) -> None:
    """Weights have changed, and all of them are finite."""
    state = before.state()
    assert any(not torch.equal(value, state[name]) for name, value in after.state().items())
    assert all(bool(value.isfinite().all()) for value in after.state().values())


@pytest.mark.parametrize("repair", [FineTuning(epochs=1, batch_size=32), FinePruning(epochs=1, batch_size=32)])
def test_repairs_take_a_last_batch_of_one_row(repair: Any) -> None:
    net = as_classifier(normalised(), input_shape=SHAPE)
    assert_learned(net, repair.repair(net, rows(33), rng=Rng(0)))


def test_frozen_normalisation_takes_one_row() -> None:
    module = normalised()
    module[1].requires_grad_(False)
    module[2].requires_grad_(False)
    start = as_classifier(module, input_shape=SHAPE)
    assert_learned(start, EndToEnd(epochs=1, batch_size=1).fit(start, rows(8), rng=Rng(0)))


def test_a_deep_network_whose_images_shrink_to_a_pixel() -> None:
    net = PreactResnet18(width=2).build(input_shape=SHAPE, classes=4, bounds=(0, 1), rng=Rng(0))
    assert_learned(net, EndToEnd(epochs=1, batch_size=32).fit(net, rows(33), rng=Rng(0)))
    plain = CNN().build(input_shape=SHAPE, classes=4, bounds=(0, 1), rng=Rng(0))
    assert_learned(plain, EndToEnd(epochs=1, batch_size=1).fit(plain, rows(5), rng=Rng(0)))
