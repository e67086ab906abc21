"""Every registered component works on a device beside the CPU; found by discovery, no list.

On the simulated device each does its work once, on tiny settings; on CUDA every conformance check runs.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from antivenom.data.sources.digits import Digits
from antivenom.models import MLP, as_classifier
from antivenom.models.optimizers import Optimizer
from antivenom.rng import Rng
from antivenom.testing import cases, on_device, toy_images, toy_network
from antivenom.testing.register import Check
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.step import AutogradStep, PerceptronStep, PlainStep, step_for
from tests.helpers.component_files import named
from tests.helpers.devices import NO_CUDA

pytestmark = pytest.mark.slow  # every component once more, on the simulated device


@pytest.fixture
def there(device: torch.device) -> Iterator[torch.device]:
    with on_device(device):
        yield device


@pytest.mark.usefixtures("component_files", "there")
@pytest.mark.parametrize(("name", "component", "check"), named(cases(quick=True)))
def test_each_does_its_work(name: str, component: Any, check: Check) -> None:
    check(component)


@pytest.mark.gpu
@NO_CUDA
@pytest.mark.usefixtures("component_files")
@pytest.mark.parametrize(("name", "component", "check"), named(cases()))
def test_each_keeps_its_promises_on_cuda(name: str, component: Any, check: Check) -> None:
    with on_device("cuda"):
        check(component)


def test_data_moves_whole(device: torch.device) -> None:
    train = Digits().load().train
    moved = train.to(device)
    assert {moved.x.device.type, moved.y.device.type, moved.ids.device.type} == {device.type}
    assert moved.fingerprint == train.fingerprint
    assert moved.subset(torch.arange(5)).inputs().device.type == device.type


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_with_dropout_trains_the_same_twice(precision: str, there: torch.device) -> None:
    data = toy_images(64)
    blank = as_classifier(toy_network((1, 6, 6), 4), input_shape=(1, 6, 6)).to(there)
    training = EndToEnd(epochs=1, batch_size=16, precision=precision)
    first, again = (training.fit(blank, data, rng=Rng(0)).state() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_what_is_written_for_a_cpu_stays_there(there: torch.device) -> None:
    data = toy_images(8)
    built = MLP().build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    adam = Optimizer()
    assert isinstance(step_for(built, adam, "float32"), PlainStep | PerceptronStep)
    assert isinstance(step_for(built.to(there), adam, "float32"), AutogradStep)


def test_keras_computes_where_it_chooses(there: torch.device) -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    data = toy_images(8)
    model = keras.Sequential([keras.layers.Input((1, 6, 6)), keras.layers.Flatten(), keras.layers.Dense(4)])
    built = as_classifier(model, input_shape=data.shape)
    assert built.to(there).device == built.device
    assert built.to(there).scores(data.inputs()).shape == (8, 4)
