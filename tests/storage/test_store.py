"""The store: what is in it is whole, belongs to its key, and a key is all that a result depends on."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antivenom.errors import WriteError
from antivenom.files.writing import write_bytes
from antivenom.storage import store as storage
from antivenom.storage.files import read_tensors
from antivenom.storage.store import Store

TENSORS = {"x": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "empty": torch.zeros(0, 4)}


def only_file(store: Store) -> Path:
    (file,) = Path(store.address).rglob("*.safetensors")
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
        assert [file.name for file in Path(store.address).rglob("*") if file.is_file()] == [only_file(store).name]


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
    half = next(Path(store.address).glob("??")) / ".half.safetensors.abc.part" / "content"
    half.parent.mkdir()
    half.write_bytes(b"half")
    (Path(store.address) / "a stranger's").write_text("kept")
    total = sum(file.stat().st_size for file in Path(store.address).rglob("*.safetensors") if file != half)
    assert store.size() == (3, total)
    assert store.clean() == (3, total)
    assert store.size() == (0, 0)
    assert [file.name for file in Path(store.address).rglob("*") if file.is_file()] == ["a stranger's"]


def test_the_stores_place_is_stated() -> None:
    assert Store.default().address == os.environ["ANTIVENOM_STORE"]


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), min_size=1, max_size=3), st.data())
def test_a_key_changes_with_each_part_and_not_with_their_order(parts: dict[str, Any], draw: st.DataObject) -> None:
    store = Store(Path("nowhere"))
    key = store.key("fit", parts)
    assert key == store.key("fit", dict(reversed(parts.items())))
    assert key != store.key("poison", parts)
    changed = {**parts, draw.draw(st.sampled_from(sorted(parts))): "something else"}
    assert (store.key("fit", changed) == key) == (changed == parts)
    assert store.key("fit", {**parts, "another part": 0}) != key


def test_every_changed_byte_of_an_entry_is_found(store: Store) -> None:
    key = store.key("fit", {})
    tensors = {"x": torch.arange(3.0), "n": torch.tensor(2)}
    store.put(key, tensors, {"losses": ["0.5"]})
    file = only_file(store)
    whole = file.read_bytes()
    found = 0
    for place in range(len(whole)):
        for change in (0x01, 0x80):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            reasons = list[str]()
            got = store.get(key, lambda tensors, about: (tensors, about), reasons.append)
            if got is None:
                assert len(reasons) == 1
                assert not file.exists()
                found += 1
            else:  # a changed byte of the header that means the same, such as a space
                assert got[1] == {"losses": ["0.5"]}
                assert {name: each.tolist() for name, each in got[0].items()} == {"x": [0, 1, 2], "n": 2}
    assert found > 1.8 * len(whole)


@pytest.mark.parametrize("cut", [0, 1, 8, 100, -1])
def test_a_shortened_entry_is_found(store: Store, cut: int) -> None:
    key = store.key("fit", {})
    store.put(key, TENSORS, {})
    file = only_file(store)
    file.write_bytes(file.read_bytes()[:cut])
    assert store.get(key) is None
    assert not file.exists()


def test_an_entry_that_cannot_be_unpacked_is_removed(store: Store) -> None:
    key = store.key("fit", {})
    for error in (KeyError("x"), ValueError("a number"), RuntimeError("a shape"), OverflowError("too large")):
        store.put(key, TENSORS, {})
        reasons = list[str]()

        def unpack(*_: object, error: Exception = error) -> None:
            raise error

        assert store.get(key, unpack, reasons.append) is None
        assert reasons == [str(error)]
        assert store.get(key) is None


def test_an_entry_that_is_a_folder_or_a_fifo_is_removed(store: Store) -> None:
    key = store.key("fit", {})
    for make in (Path.mkdir, os.mkfifo, lambda file: file.symlink_to("/dev/zero")):
        store.put(key, TENSORS, {})
        file = only_file(store)
        file.unlink()
        make(file)
        assert store.get(key) is None
        assert not os.path.lexists(file)


def test_verify_removes_only_damaged_stages(store: Store) -> None:
    keys = [store.key("fit", {"n": number}) for number in range(3)]
    for key in keys:
        store.put(key, TENSORS, {})
    file = next(Path(store.address).rglob(f"{keys[1]}.*"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    intact, damaged = store.verify()
    assert intact == 2
    assert [name for name, _ in damaged] == [file.name]
    assert store.verify() == (2, ())
    assert [store.get(key) is None for key in keys] == [False, True, False]


def test_a_store_that_cannot_be_written_to_is_refused_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WriteError, match=r"The store cannot be written to: .* Set \$ANTIVENOM_STORE"):
        Store(tmp_path / "file" / "store").require_writable()


def test_stages_that_another_process_removes_at_this_moment_are_not_called_damaged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [store.key("fit", {"n": number}) for number in range(3)]
    for key in keys:
        store.put(key, TENSORS, {})
    sizes, read = store.place.sizes(), read_tensors
    first = Path(store.address) / next(iter(sizes))

    def late(file: Path, *, checked: bool) -> Any:
        first.unlink(missing_ok=True)
        return read(file, checked=checked)

    monkeypatch.setattr(storage, "read_tensors", late)
    reasons = list[str]()
    for key in keys:
        store.get(key, lambda *_: True, reasons.append)
    assert reasons == []
    monkeypatch.setattr(type(store.place), "sizes", lambda _: sizes)
    assert store.verify() == (2, ())
    monkeypatch.undo()
    assert store.size()[0] == 2
    assert store.clean()[0] == 2
