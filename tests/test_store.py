"""The store: what is in it is whole, belongs to its key, and a key is all that a result depends on."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from antivenom.attacks import BadNets
from antivenom.data import Splits
from antivenom.data.sources.npz import Npz
from antivenom.errors import DataError, MissingDataError, RunError
from antivenom.models import MLP, as_classifier
from antivenom.models.module import Module
from antivenom.rng import Rng
from antivenom.runner import Store
from antivenom.settings import Component, component
from antivenom.storage import files
from antivenom.storage.files import read_json, read_tensors, write_bytes, write_json, write_tensors
from antivenom.storage.keys import arithmetic, bytes_of, identity, source_of
from antivenom.testing import toy_images
from antivenom.triggers import Trigger
from antivenom.triggers.patch import Patch

TENSORS = {"x": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "empty": torch.zeros(0, 4)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def only_file(store: Store) -> Path:
    (file,) = store.folder.rglob("*.safetensors")
    return file


def test_what_is_put_is_got(store: Store) -> None:
    key = store.key("fit", {"a": 1})
    assert store.get(key) is None
    store.put(key, TENSORS, {"losses": ["0.5", "nan"], "bounds": None})
    tensors, about = store.get(key) or ({}, {})
    assert about == {"losses": ["0.5", "nan"], "bounds": None}
    assert {name: (t.dtype, t.tolist()) for name, t in tensors.items()} == {
        name: (t.dtype, t.tolist()) for name, t in TENSORS.items()
    }


def test_what_is_got_may_be_written_to_without_harm(store: Store) -> None:
    key = store.key("fit", {})
    store.put(key, TENSORS, {})
    (store.get(key) or ({}, {}))[0]["x"].zero_()
    assert torch.equal((store.get(key) or ({}, {}))[0]["x"], TENSORS["x"])


@pytest.mark.parametrize(
    "transposed", [torch.arange(6.0).reshape(2, 3).T, torch.ones(4, 2)[::2], torch.ones(3).expand(2, 3)]
)
def test_tensors_of_any_layout_and_shared_ones_are_kept(store: Store, transposed: torch.Tensor) -> None:
    key = store.key("fit", {})
    store.put(key, {"a": transposed, "b": transposed}, {})
    assert torch.equal((store.get(key) or ({}, {}))[0]["b"], transposed)


def test_a_kill_before_the_last_step_leaves_what_was_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = store.key("fit", {})
    store.put(key, TENSORS, {"n": 1})
    before = only_file(store).read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for step in (os, "fsync"), (Path, "replace"), (Path, "chmod"):
        with monkeypatch.context() as patch:
            patch.setattr(*step, killed)
            with pytest.raises(KeyboardInterrupt):
                store.put(key, TENSORS, {"n": 2})
        assert only_file(store).read_bytes() == before
        assert [file.name for file in store.folder.rglob("*") if file.is_file()] == [only_file(store).name]


def test_a_reader_never_sees_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, seen = tmp_path / "a", []
    file.write_bytes(b"old")
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (seen.append((file.read_bytes(), self.read_bytes())), replace(self, to))[1]
    )
    write_bytes(file, b"new" * 1000)
    assert seen == [(b"old", b"new" * 1000)]
    assert file.read_bytes() == b"new" * 1000


def test_a_written_file_has_the_usual_rights(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "usual").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_entry_is_none_and_removed_or_whole(tmp_path: Path, draw: st.DataObject) -> None:
    store = Store(tmp_path / "store")
    key = store.key("fit", {})
    store.put(key, TENSORS, {"n": 1})
    file = only_file(store)
    broken = bytearray(file.read_bytes())
    where = draw.draw(st.integers(0, len(broken) - 1))
    if draw.draw(st.booleans()):
        del broken[where:]
    else:
        broken[where] ^= draw.draw(st.integers(1, 255))
    file.write_bytes(broken)
    if store.get(key) is None:
        assert not file.exists()
        store.put(key, TENSORS, {"n": 1})
        assert store.get(key) is not None


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\xff" * 8, (2**40).to_bytes(8, "little") + b"{", b"\2" + b"\0" * 7 + b"{}"]
)
def test_a_file_that_lies_is_no_entry(store: Store, content: bytes) -> None:
    key = store.key("fit", {})
    store.put(key, TENSORS, {})
    only_file(store).write_bytes(content)
    kept = store.get(key)
    assert kept is None or kept == ({}, {})


def test_size_and_clean(store: Store) -> None:
    assert (store.size(), store.clean()) == ((0, 0), (0, 0))
    for number in range(3):
        store.put(store.key("fit", {"n": number}), TENSORS, {})
    half = next(store.folder.glob("??")) / ".half.safetensors.abc"
    half.write_bytes(b"half")
    (store.folder / "a stranger's").write_text("kept")
    total = sum(file.stat().st_size for file in store.folder.rglob("*.safetensors") if file != half)
    assert store.size() == (3, total)
    assert store.clean() == (3, total)
    assert store.size() == (0, 0)
    assert [file.name for file in store.folder.rglob("*") if file.is_file()] == ["a stranger's"]


def test_the_stores_place_is_stated() -> None:
    assert str(Store.default().folder) == os.environ["ANTIVENOM_STORE"]


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), min_size=1, max_size=3), st.data())
def test_a_key_changes_with_each_part_and_not_with_their_order(parts: dict[str, Any], draw: st.DataObject) -> None:
    store = Store(Path("nowhere"))
    key = store.key("fit", parts)
    assert key == store.key("fit", dict(reversed(parts.items())))
    assert key != store.key("poison", parts)
    changed = {**parts, draw.draw(st.sampled_from(sorted(parts))): "something else"}
    assert (store.key("fit", changed) == key) == (changed == parts)
    assert store.key("fit", {**parts, "another part": 0}) != key


# What goes into a key ------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package of somebody else's, with an attack, a goal and a network of its own."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "inner.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    importlib.invalidate_caches()
    module = importlib.import_module("theirs.inner")
    source_of.cache_clear()
    yield module
    source_of.cache_clear()
    for name in ("theirs", "theirs.inner"):
        del sys.modules[name]


THEIRS = """
from typing import Annotated
from torch import nn
from antivenom.data import Poisoned
from antivenom.rng import Rng
from antivenom.settings import Component, Rate, component
from antivenom.triggers import Trigger

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


def edit(module: Any) -> None:
    source_of.cache_clear()
    file = Path(module.__file__)
    file.write_text(file.read_text() + "\n# edited\n")


def test_an_edit_changes_what_is_known_of_a_source(package: Any) -> None:
    before = source_of("theirs.inner")
    assert before == source_of("theirs")
    edit(package)
    assert source_of("theirs.inner") != before


def test_an_edit_below_the_faces_changes_the_arithmetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("__init__.py", "cli.py", "report/html.py", "attacks/badnets.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(sys.modules["antivenom"], "__file__", str(tmp_path / "__init__.py"))

    def now() -> object:
        source_of.cache_clear()
        return arithmetic(torch.device("cpu"))["source"]

    try:
        before = now()
        for face in ("cli.py", "report/html.py"):
            (tmp_path / face).write_text("x = 2\n")
            assert now() == before
        (tmp_path / "attacks/badnets.py").write_text("x = 2\n")
        after = now()
        (tmp_path / "attacks/badnets.py").rename(tmp_path / "attacks/other.py")
        assert len({before, after, now()}) == 3
    finally:
        monkeypatch.undo()
        source_of.cache_clear()


def test_the_arithmetic_names_versions_threads_and_device() -> None:
    held = arithmetic(torch.device("cpu"))
    assert {"torch", "numpy", "scikit-learn", "device", "threads", "instructions", "source"} <= set(held)
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


def test_a_strangers_component_is_known_by_its_source_too(package: Any) -> None:
    for part in (package.Dot(), Patch()):
        attack = BadNets(target=1, trigger=package.Wrapped(inner=part))
        before = identity("attacks", attack)
        assert before is not None
        edit(package)
        assert identity("attacks", attack) != before


def test_a_strangers_part_deep_inside_counts(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    @component
    class Several:
        triggers: tuple[Annotated[Trigger, Component("triggers")], ...]

    monkeypatch.setattr(Several, "__module__", "antivenom.elsewhere")
    made = Several(triggers=(Patch(), package.Dot()))
    before = identity("triggers", made)
    edit(package)
    assert identity("triggers", made) != before


def test_what_is_no_component_is_not_cached_as_its_settings_are_not_known(package: Any) -> None:
    assert identity("attacks", package.Plain(1)) is None
    assert identity("attacks", BadNets(target=1, trigger=package.Plain(1))) is None
    assert identity("attacks", BadNets(target=1, trigger=package.Wrapped(inner=package.Plain(1)))) is None


def test_a_factory_is_known_by_its_source(package: Any) -> None:
    before = identity("models", Module(factory="theirs.inner:small"))
    assert before is not None
    edit(package)
    assert identity("models", Module(factory="theirs.inner:small")) != before


def test_live_splits_are_known_by_their_rows() -> None:
    one = Splits(train=toy_images(seed=0), test=toy_images(seed=1))
    assert identity("datasets", one) == identity("datasets", Splits(train=toy_images(seed=0), test=toy_images(seed=1)))
    assert identity("datasets", one) != identity("datasets", Splits(train=toy_images(seed=1), test=toy_images(seed=0)))


def live(module: nn.Module, **more: Any) -> Any:
    return identity("models", as_classifier(module, input_shape=(1, 6, 6), **more))


def linear(seed: int = 0) -> nn.Module:
    with Rng(seed).torch_globally():
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(36, 4))


def test_a_live_module_is_known_by_weights_settings_and_source(package: Any) -> None:
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


def test_the_mode_of_a_live_module_is_no_part_of_it() -> None:
    assert live(linear().train()) == live(linear().eval())


def test_a_live_module_that_holds_what_cannot_be_read_is_not_cached(package: Any) -> None:
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
    with pytest.raises(DataError, match="is a folder"):
        bytes_of((tmp_path,))


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"nope"])
def test_a_damaged_json_file_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RunError, match="missing or damaged"):
        read_json(tmp_path / "a.json")


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    for read in (read_json, read_tensors):
        with pytest.raises(RunError, match="missing or damaged"):
            read(tmp_path / "absent")
        with pytest.raises(RunError, match="missing or damaged"):
            read(tmp_path)


def test_json_holds_no_nan_and_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a", {"a": float("nan")})
    assert not (tmp_path / "a").exists()
    write_json(tmp_path / "a", {"b": 1, "é": 2})
    write_json(tmp_path / "b", {"é": 2, "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_header_that_is_no_json_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.json, "dumps", lambda *_, **__: "{")
    write_tensors(tmp_path / "a", TENSORS, {})
    monkeypatch.undo()
    with pytest.raises(RunError, match="missing or damaged"):
        read_tensors(tmp_path / "a")
