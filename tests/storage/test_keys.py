"""What goes into a key: settings, bytes, source, libraries and the machine's arithmetic."""

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

from antivenom.attacks import BadNets
from antivenom.data import Splits
from antivenom.data.sources.npz import Npz
from antivenom.errors import DataError, MissingDataError
from antivenom.models import MLP, as_classifier
from antivenom.models.module import Module
from antivenom.rng import Rng
from antivenom.settings import Component, component
from antivenom.storage import keys
from antivenom.storage.keys import arithmetic, bytes_of, code_of, identity
from antivenom.storage.sources import Graph
from antivenom.testing import toy_images
from antivenom.triggers import Trigger
from antivenom.triggers.patch import Patch

THEIRS = """
from typing import Annotated
from torch import nn
from antivenom.data import Poisoned
from antivenom.rng import Rng
from antivenom.settings import Component, Rate, component
from antivenom.triggers import Trigger
from theirs.helper import HOW

class Net(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.layer, self.scale = nn.Linear(36, 4), scale
        nn.init.ones_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, x):
        return self.layer(x.flatten(1)) * self.scale

def small(): return Net(1)

@component
class Dot:
    def apply(self, x, bounds): return x

@component
class Wrapped:
    inner: Annotated[Trigger, Component("triggers")]
    def apply(self, x, bounds): return self.inner.apply(x, bounds)

class Plain:
    def __init__(self, k): self.k = k
    def apply(self, x, bounds): return x
    def poison(self, data, *, rng, surrogate=None): ...
"""


class Package:
    """A package of somebody else's, written an hour ago, with an attack, a goal and a network of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        folder.mkdir()
        for name, text in {"__init__": "", "helper": "HOW = 1\n", "inner": THEIRS, "other": ""}.items():
            (folder / f"{name}.py").write_text(text)
        self.as_in_a_new_process()

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("theirs.inner"), name)

    def edit(self, name: str = "inner") -> None:
        """Edit a file, as if it had been so when this process started."""
        file = self.folder / f"{name}.py"
        file.write_text(file.read_text() + "\n# edited\n")
        self.as_in_a_new_process()

    def as_in_a_new_process(self) -> None:
        then = time.time_ns() - 3600 * 10**9
        for file in self.folder.glob("*.py"):
            os.utime(file, ns=(then, then))
        self.patch.setattr(keys, "GRAPH", Graph())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield Package(tmp_path / "theirs", monkeypatch)
    for name in [name for name in sys.modules if name.partition(".")[0] == "theirs"]:
        del sys.modules[name]


def test_the_arithmetic_names_versions_threads_and_device() -> None:
    held = arithmetic(torch.device("cpu"))
    assert {"torch", "numpy", "scikit-learn", "device", "threads", "instructions", "python"} <= set(held)
    json.dumps(held, allow_nan=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (BadNets(target=1), BadNets(target=2)),
        (BadNets(target=1), BadNets(target=1, trigger=Patch(size=2))),
    ],
)
def test_components_are_told_apart_by_their_settings(one: BadNets, other: BadNets) -> None:
    assert identity("attacks", one) != identity("attacks", other)
    assert identity("attacks", one) == identity("attacks", BadNets(target=1))
    assert json.dumps(identity("attacks", one))


def test_a_strangers_component_is_known_by_its_source_too(package: Package) -> None:
    for part in (package.Dot(), Patch()):
        attack = BadNets(target=1, trigger=package.Wrapped(inner=part))
        before = identity("attacks", attack)
        assert before is not None
        package.edit()
        assert identity("attacks", attack) not in (before, None)


@component
class Several:
    triggers: tuple[Annotated[Trigger, Component("triggers")], ...]


def test_a_strangers_part_deep_inside_counts(package: Package) -> None:
    made = Several(triggers=(Patch(), package.Dot()))
    before = identity("triggers", made)
    assert before is not None
    package.edit()
    assert identity("triggers", made) not in (before, None)


def test_what_a_strangers_component_imports_counts_and_nothing_else_does(package: Package) -> None:
    made = package.Dot()
    before = identity("triggers", made)
    package.edit("other")
    assert identity("triggers", made) == before is not None
    package.edit("helper")
    assert identity("triggers", made) not in (before, None)


def test_a_component_whose_file_was_edited_after_its_import_is_not_cached(package: Package) -> None:
    made = BadNets(target=1, trigger=package.Dot())
    assert identity("attacks", made) is not None
    (package.folder / "helper.py").write_text("HOW = 2")
    assert identity("attacks", made) is None
    package.patch.setattr(keys, "GRAPH", Graph())  # though nothing was read of it before
    assert identity("attacks", made) is None
    assert identity("attacks", BadNets(target=1)) is not None


def test_a_component_that_no_file_defines_is_not_cached() -> None:
    names: dict[str, Any] = {"component": component, "__name__": __name__}
    exec("@component\nclass Typed:\n    def apply(self, x, bounds): return x", names)
    assert identity("triggers", names["Typed"]()) is None
    assert identity("triggers", Several(triggers=(names["Typed"](),))) is None


def test_what_is_no_component_is_not_cached_as_its_settings_are_not_known(package: Package) -> None:
    assert identity("attacks", package.Plain(1)) is None
    assert identity("attacks", BadNets(target=1, trigger=package.Plain(1))) is None
    assert identity("attacks", BadNets(target=1, trigger=package.Wrapped(inner=package.Plain(1)))) is None


def test_a_factory_is_known_by_its_source(package: Package) -> None:
    before = identity("models", Module(factory="theirs.inner:small"))
    assert before is not None
    package.edit("helper")
    assert identity("models", Module(factory="theirs.inner:small")) not in (before, None)
    assert identity("models", Module(factory="theirs.nowhere:small")) is None


def test_live_splits_are_known_by_their_rows() -> None:
    one = Splits(train=toy_images(seed=0), test=toy_images(seed=1))
    assert identity("datasets", one) == identity("datasets", Splits(train=toy_images(seed=0), test=toy_images(seed=1)))
    assert identity("datasets", one) != identity("datasets", Splits(train=toy_images(seed=1), test=toy_images(seed=0)))


def live(module: nn.Module, **more: Any) -> Any:
    return identity("models", as_classifier(module, input_shape=(1, 6, 6), **more))


def linear(seed: int = 0) -> nn.Module:
    with Rng(seed).torch_globally():
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(36, 4))


def test_a_live_module_is_known_by_weights_settings_and_source(package: Package) -> None:
    assert live(linear()) == live(linear()) is not None
    other = linear()
    other[1].p = 0.2
    different = [
        live(linear()),
        live(linear(1)),
        live(linear(), mean=0.5),
        live(linear(), bounds=(0.0, 2.0)),
        live(other),
    ]
    different += [live(package.Net(1)), live(package.Net(2)), live(package.Net(1.5))]
    assert None not in different
    assert len({str(each) for each in different}) == len(different)
    assert live(package.Net(2)) == live(package.Net(2))


def test_a_live_module_is_known_by_what_its_classes_import(package: Package) -> None:
    before = live(package.Net(1))
    package.edit("other")
    assert live(package.Net(1)) == before
    package.edit("helper")
    assert live(package.Net(1)) not in (before, None)


def test_the_mode_of_a_live_module_is_no_part_of_it() -> None:
    assert live(linear().train()) == live(linear().eval())


def test_a_live_module_that_holds_what_cannot_be_read_is_not_cached(package: Package) -> None:
    hooked = linear()
    hooked.register_forward_hook(lambda *_: None)
    assert live(hooked) is None
    assert live(_with_attribute(package.Net(1), lambda: 0)) is None
    assert live(_with_attribute(package.Net(1), torch.ones(2))) is None


def _with_attribute(module: nn.Module, value: object) -> nn.Module:
    module.extra = value  # type: ignore[assignment]
    return module


def test_a_live_module_from_a_reference_network_is_known_by_how_it_starts_afresh() -> None:
    shape = {"input_shape": (1, 6, 6), "classes": 4, "bounds": (0.0, 1.0), "rng": Rng(0)}
    weights = MLP(hidden=(4,)).build(**shape).state()

    def built(**settings: Any) -> Any:
        return identity("models", MLP(hidden=(4,), **settings).build(**shape).with_state(weights))

    assert built() == built() is not None
    assert built() != built(kernel_init="zeros")


def test_a_module_whose_source_is_not_to_be_had_is_not_cached() -> None:
    names: dict[str, Any] = {"nn": nn}
    exec("class Typed(nn.Linear):\n    pass", names)
    names["Typed"].__module__ = "nowhere"
    assert live(nn.Sequential(nn.Flatten(), names["Typed"](36, 4))) is None


def estimator(made: Any, **more: Any) -> Any:
    return identity("models", as_classifier(made, input_shape=(1, 6, 6), **{"classes": 4, **more}))


def fitted(made: Any, seed: int = 0) -> Any:
    data = toy_images(40, seed=seed)
    return made.fit(data.inputs().flatten(1).numpy(), data.y.numpy())


def test_an_estimator_is_known_by_its_settings_and_what_it_learned() -> None:
    different = [
        estimator(SGDClassifier()),
        estimator(SGDClassifier(alpha=0.5)),
        estimator(SGDClassifier(), bounds=(0.0, 2.0)),
        estimator(make_pipeline(StandardScaler(), SGDClassifier())),
        estimator(make_pipeline(StandardScaler(with_std=False), SGDClassifier())),
        estimator(fitted(SGDClassifier(random_state=0))),
        estimator(fitted(SGDClassifier(random_state=0), seed=1)),
    ]
    assert None not in different
    assert len({json.dumps(each) for each in different}) == len(different)
    assert estimator(fitted(SGDClassifier(random_state=0))) == different[5]


def test_an_estimator_that_cannot_be_read_is_not_cached() -> None:
    assert estimator(make_pipeline(FunctionTransformer(lambda x: x), SGDClassifier())) is None
    assert estimator(fitted(DecisionTreeClassifier())) is None
    assert estimator(SGDClassifier(random_state=np.random.RandomState(0))) is None


def test_what_is_made_in_python_may_say_itself_what_it_is(package: Package) -> None:
    class Known:
        def identity(self) -> dict[str, Any] | None:
            return told[0]

        def code(self) -> tuple[object, ...]:
            return (package.small,)

    told: list[dict[str, Any] | None] = [{"a": 1}]
    before = identity("models", Known())
    assert before is not None
    told[0] = {"a": 2}
    assert identity("models", Known()) not in (before, None)
    told[0] = None
    assert identity("models", Known()) is None


def test_a_stage_is_known_by_its_own_file_alone_and_by_what_all_work_with(package: Package) -> None:
    importlib.import_module("theirs.inner")
    before = code_of("theirs.inner")
    assert before is not None
    package.edit("helper")
    assert code_of("theirs.inner") == before
    package.edit()
    assert code_of("theirs.inner") not in (before, None)
    (package.folder / "inner.py").write_text("")
    assert code_of("theirs.inner") is None
    assert code_of("theirs.nowhere") is None


def test_files_are_known_by_their_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"a")
    one = bytes_of((file,))
    file.write_bytes(b"b")
    assert bytes_of((file,)) != one
    assert bytes_of(()) == []


def test_a_file_that_is_missing_is_missing_data(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="is missing"):
        bytes_of(Npz(path=str(tmp_path / "absent.npz")).files())
    with pytest.raises(DataError, match="got a folder"):
        bytes_of((tmp_path,))
