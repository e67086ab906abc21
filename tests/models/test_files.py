"""Files of weights."""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier
from antivenom.models.files import read_weights
from antivenom.models.module import Module
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.storage.store import Store
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd

DATA = toy_images()
SHAPE, CLASSES = DATA.shape, len(DATA.classes)


def net(input_shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(input_shape)), classes))


def made(weights: Path | None) -> Classifier:
    component = Module(factory="tests.models.test_files:net", weights=None if weights is None else str(weights))
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
        component = Module(factory="tests.models.test_files:net", weights=str(file))
        blank = component.build(input_shape=SHAPE, classes=CLASSES, bounds=(0, 1), rng=Rng(0))
        stages = Stages(store, torch.device("cpu"))
        fitted = stages.fit("victim", EndToEnd(epochs=1), component, blank, DATA, Rng(0), 0)
        found.append(fitted.classifier.state()["1.weight"])
        assert not stages.timings[0]["stored"]
    assert not torch.equal(*found)


@pytest.mark.parametrize("name", ["junk.pt", "junk.pth", "junk.bin", "junk.safetensors"])
@pytest.mark.parametrize("junk", [b"", b"junk", b"hello world", b"PK\3\4abc", b"e"])
def test_a_file_that_has_no_weights_says_what_is_accepted(tmp_path: Path, name: str, junk: bytes) -> None:
    (tmp_path / name).write_bytes(junk)
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / name)
    assert f"{name} is not a file of weights, or it is damaged: it cannot be read as " in str(caught.value)
    assert "Give a .safetensors file, or a state dict that torch.save(model.state_dict(), FILE)" in str(caught.value)


FOREIGN: dict[str, Any] = {
    "argparse.Namespace": argparse.Namespace(lr=0.1),
    f"{type(Path()).__module__}.PosixPath": Path("/data").absolute(),  # in 3.13 the module is pathlib._local
    "torch.nn.modules.linear.Linear": nn.Linear(2, 2),
    "collections.defaultdict": defaultdict(list),
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", FOREIGN)
def test_an_object_of_another_class_is_named_with_the_way_out(name: str, legacy: bool, tmp_path: Path) -> None:
    content = {"model": nn.Linear(2, 3).state_dict(), "args": FOREIGN[name]}
    torch.save(content, tmp_path / "net.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(DataError) as caught:
        read_weights(tmp_path / "net.pt")
    assert f"it has an object of {name}, which can run code" in str(caught.value)
    assert "Ask its author for the weights alone: torch.save(model.state_dict(), FILE)." in str(caught.value)


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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net.keras", r"as_classifier\(keras\.models\.load_model\(FILE\), \.\.\.\)"),
        ("net.h5", r"as_classifier\(keras\.models\.load_model\(FILE\), \.\.\.\)"),
        ("net.weights.h5", r"model\.load_weights\(FILE\), then as_classifier\(model, \.\.\.\)"),
    ],
)
def test_files_of_keras_are_refused_with_how_to_load_them(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=said) as caught:
        read_weights(tmp_path / name)
    assert "torch.save" not in str(caught.value)
