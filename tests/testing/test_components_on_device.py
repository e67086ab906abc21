"""Every registered component works on a device beside the CPU; found by discovery, no list.

On the simulated device each does its work once, on tiny settings; on CUDA every conformance check runs.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from antivenom import testing
from antivenom.attacks import BadNets
from antivenom.data.sources.digits import Digits
from antivenom.models import Classifier, as_classifier
from antivenom.models.optimizers import Optimizer
from antivenom.registry import entries
from antivenom.rng import Rng
from antivenom.testing import on_device, toy_images
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.step import AutogradStep, PlainStep, step_for
from tests.test_conformance import SETTINGS, cases, poison_file
from tests.testing.conftest import NO_CUDA

__all__ = ["poison_file"]

KINDS = (
    ("attacks", None, testing.ATTACK_CHECKS, (testing.attack_keeps_type_and_bounds,)),
    ("attacks", None, (), (testing.attack_says_which_rows_it_contributed,)),
    ("trainings", None, testing.TRAINING_CHECKS, (testing.training_leaves_its_inputs_alone,)),
    ("defences", "score", testing.DETECTOR_CHECKS, (testing.detector_leaves_its_inputs_alone,)),
    ("defences", "scan", testing.SCAN_CHECKS, (testing.scan_leaves_its_inputs_alone,)),
    ("defences", "blame", testing.STREAM_DEFENCE_CHECKS, (testing.stream_defence_leaves_its_inputs_alone,)),
    ("repairs", None, testing.REPAIR_CHECKS, (testing.repair_leaves_its_inputs_alone,)),
    ("analyses", None, testing.ANALYSIS_CHECKS, (testing.analysis_leaves_its_inputs_alone,)),
    ("triggers", None, testing.TRIGGER_CHECKS, (testing.trigger_is_a_pure_function,)),
)

TINY: dict[str, dict[str, Any]] = {
    "end_to_end": {"epochs": 2, "batch_size": 64},
    "transfer": {"epochs": 1, "pretraining": EndToEnd(epochs=1, batch_size=64)},
    "unlearning": {"epochs": 1},
    "fine_tuning": {"epochs": 1},
    "neural_cleanse": {"steps": 6, "batch_size": 24},
    "gradient_poison": {"rate": 0.02},
    "probes": {"strength": 0.001},
}
"""Less work than by default: whether it works there is asked, not how well."""


def chosen(place: int) -> list[Any]:
    """Kind, component and check: the second column of checks of `KINDS`, or the first."""
    return [
        pytest.param(kind, *case.values, id=f"{case.id}")
        for kind, method, *checks in KINDS
        for case in cases(kind, checks[place], method)
    ]


@pytest.fixture
def there(device: torch.device) -> Iterator[torch.device]:
    with on_device(device):
        yield device


@pytest.mark.usefixtures("poison_file", "there")
@pytest.mark.parametrize(("kind", "name", "check"), chosen(1))
def test_each_does_its_work(kind: str, name: str, check: Callable[[Any], None]) -> None:
    check(entries(kind)[name].load()(**{**SETTINGS.get(name, {}), **TINY.get(name, {})}))


@pytest.mark.gpu
@NO_CUDA
@pytest.mark.usefixtures("poison_file")
@pytest.mark.parametrize(("kind", "name", "check"), chosen(0))
def test_each_keeps_its_promises_on_cuda(kind: str, name: str, check: Callable[[Any], None]) -> None:
    with on_device("cuda"):
        check(entries(kind)[name].load()(**SETTINGS.get(name, {})))


CLASSIFIER_CHECKS = [check for check in testing.CLASSIFIER_CHECKS if check is not testing.classifier_learns]


@pytest.mark.parametrize(("name", "check"), cases("models", tuple(CLASSIFIER_CHECKS)))
def test_each_model(name: str, check: Callable[[Classifier, Any], None], there: torch.device) -> None:
    data = toy_images(60)
    built = entries("models")[name].load()(**SETTINGS.get(name, {})).build(
        input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0)
    )  # fmt: skip
    moved = built.to(there)
    assert moved.device == (there if "gradients" in built.can else torch.device("cpu")), (
        "an estimator stays where it is"
    )
    check(moved, data)


GOALS: dict[str, dict[str, Any]] = {
    "backdoor": {"target": 1, "trigger": BadNets().trigger},
    "one_row": {"row": (0.5,) * 36, "target": 1},
    "targeted": {"pairs": ((0, 1),)},
}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", entries("goals"))
def test_each_goal(name: str) -> None:
    data = toy_images(60)
    made = entries("goals")[name].load()(**GOALS.get(name, {}))
    model = entries("models")["mlp"].load()(hidden=(4,))
    blank = model.build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    assert made.success(blank.to(data.device), data) == made.success(blank, data.to("cpu"))


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("name", entries("arrivals"))
def test_each_arrival(name: str) -> None:
    data = toy_images(60)
    roles = (data.y == 0).to(torch.uint8)
    orders = [
        entries("arrivals")[name].load()().arrange(roles.to(place), data.ids.to(place), Rng(0))
        for place in (data.device, "cpu")
    ]
    assert orders[0].device == data.device
    assert torch.equal(orders[0].cpu(), orders[1])


def test_data_moves_whole(device: torch.device) -> None:
    train = Digits().load().train
    moved = train.to(device)
    assert {moved.x.device.type, moved.y.device.type, moved.ids.device.type} == {device.type}
    assert moved.fingerprint == train.fingerprint
    assert moved.subset(torch.arange(5)).inputs().device.type == device.type


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_with_dropout_trains_the_same_twice(precision: str, there: torch.device) -> None:
    data = toy_images(64)
    model = entries("models")["module"].load()(**SETTINGS["module"])
    blank = model.build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0)).to(there)
    training = EndToEnd(epochs=1, batch_size=16, precision=precision)
    first, again = (training.fit(blank, data, rng=Rng(0)).state() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_what_is_written_for_a_cpu_stays_there(there: torch.device) -> None:
    data = toy_images(8)
    built = entries("models")["mlp"].load()().build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    adam = Optimizer()
    assert isinstance(step_for(built, adam, "float32"), PlainStep)
    assert isinstance(step_for(built.to(there), adam, "float32"), AutogradStep)


def test_keras_computes_where_it_chooses(there: torch.device) -> None:
    keras = pytest.importorskip("keras", reason="the extra 'keras' is not installed")
    data = toy_images(8)
    model = keras.Sequential([keras.layers.Input((1, 6, 6)), keras.layers.Flatten(), keras.layers.Dense(4)])
    built = as_classifier(model, input_shape=data.shape)
    assert built.to(there).device == built.device
    assert built.to(there).scores(data.inputs()).shape == (8, 4)
