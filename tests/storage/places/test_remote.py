"""A store in a place of fsspec keeps what a folder keeps, and no failure of the place goes unsaid."""

import builtins
import pickle
import threading
from pathlib import Path
from typing import Any

import fsspec
import pytest
import torch
from tests.helpers.command import same_process
from tests.helpers.s3 import served

from antivenom import extras
from antivenom.errors import AntivenomError, RunError, SettingsError, WriteError
from antivenom.runner import Experiment, load_spec
from antivenom.runner.events import Damaged, Event, Finished
from antivenom.storage.places import remote, requests
from antivenom.storage.places.deadline import within
from antivenom.storage.places.remote import RemotePlace
from antivenom.storage.store import Store

TENSORS = {"x": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "empty": torch.zeros(0, 4)}
SPEC: dict[str, Any] = {
    "train_rows": 80,
    "model": {"name": "mlp", "hidden": [4]},
    "attack": {"name": "badnets", "target": 7},
    "training": {"name": "end_to_end", "epochs": 1},
}


@pytest.fixture(params=["memory", "s3", "file"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (tmp_path / "a store").as_uri() if request.param == "file" else request.getfixturevalue(request.param)


def written(store: Store, count: int = 3) -> list[str]:
    keys = [store.key("fit", {"n": number}) for number in range(count)]
    for key in keys:
        store.put(key, TENSORS, {"n": 1})
    return keys


def spoil(store: Store, key: str, content: bytes) -> None:
    place = store.place
    assert isinstance(place, RemotePlace)
    place.overwrite(f"{key.rpartition('-')[2][:2]}/{key}.safetensors", content)


def test_every_place_keeps_checks_counts_and_forgets(address: str) -> None:
    store = pickle.loads(pickle.dumps(Store(address)))
    assert (store.size(), store.clean(), store.verify()) == ((0, 0), (0, 0), (0, ()))
    store.require_writable()
    keys = written(store)
    tensors, about = store.get(keys[0]) or ({}, {})
    assert about == {"n": 1}
    assert {name: each.tolist() for name, each in tensors.items()} == {"x": [[0, 1, 2], [3, 4, 5]], "empty": []}
    tensors["x"].zero_()
    assert torch.equal((store.get(keys[0]) or ({}, {}))[0]["x"], TENSORS["x"])
    assert store.get(store.key("fit", {})) is None
    assert store.verify() == (3, ())
    with store.lease(keys[0]):
        assert store.clean()[0] == 3
        store.require_writable()
        waited = list[str]()
        other = threading.Thread(target=lambda: enter(store, keys[0], waited))
        other.start()
        other.join(0.3)
        assert other.is_alive()
    other.join(600)
    assert len(waited) == 2
    assert store.size() == (0, 0)


def enter(store: Store, key: str, waited: list[str]) -> None:
    with store.lease(key, waited.append):
        waited.append("entered")


@pytest.mark.parametrize("kind", ["memory", "s3"])
@pytest.mark.parametrize("content", [b"", b"half", b"\2" + b"\0" * 7 + b"{}"])
def test_a_damaged_entry_is_named_and_removed(kind: str, content: bytes, request: pytest.FixtureRequest) -> None:
    store = Store(request.getfixturevalue(kind))
    keys = written(store)
    spoil(store, keys[0], content)
    reasons = list[str]()
    assert store.get(keys[0], lambda *_: True, reasons.append) is None
    assert "s3://bucket" in reasons[0] or "memory://" in reasons[0]
    assert "damaged" in reasons[0]
    spoil(store, keys[1], content)
    intact, damaged = store.verify()
    assert (intact, [name for name, _ in damaged]) == (1, [f"{keys[1]}.safetensors"])
    assert store.size()[0] == 1


def test_a_run_computes_a_damaged_remote_stage_again_and_the_others_never(s3: str) -> None:
    experiment = load_spec(SPEC)
    assert isinstance(experiment, Experiment)
    events, store = list[Event](), Store(s3)
    first = experiment.run(store=store, progress=False).metrics
    name = next(name for name in store.place.sizes() if "/fit-" in name)
    spoil(store, name[3:].removesuffix(".safetensors"), b"half")
    assert experiment.run(store=Store(s3), progress=False, on_event=events.append).metrics == first
    assert len([event for event in events if isinstance(event, Damaged)]) == 1
    stages = [event for event in events if isinstance(event, Finished) and event.stage != "measure"]
    assert [event.stage for event in stages if event.stage.startswith("fit") and not event.stored] == [
        "fit victim"
    ] or (len([event for event in stages if event.stage.startswith("fit") and not event.stored]) == 1)


def test_an_entry_of_many_parts_is_whole_and_a_huge_one_is_refused(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(memory)
    monkeypatch.setattr(remote, "CHUNK", 100)
    keys = written(store)
    assert store.get(keys[0]) is not None
    monkeypatch.setattr(remote, "MAX_STAGE_BYTES", 200)
    with pytest.raises(RunError, match="more than 200 bytes"):
        store.get(keys[0])


def test_a_server_that_dies_in_the_middle_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    serving = served(monkeypatch)
    store = Store(next(serving))
    (key,) = written(store, 1)
    with store.lease(key):
        serving.close()
        with pytest.raises(RunError, match=r"cannot be read: .*Check the address and the connection"):
            store.get(key)
    with pytest.raises(WriteError, match=r"cannot be written to: .*Check the address and the connection"):
        store.require_writable()


def test_a_missing_bucket_is_one_clear_error(s3: str) -> None:
    with pytest.raises(WriteError, match="create the bucket"):
        Store(s3.replace("bucket-", "nowhere-")).require_writable()


def test_a_place_that_never_answers_is_given_up(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, never = Store(memory), threading.Event()
    monkeypatch.setattr(requests, "TIMEOUT", 0.05)
    monkeypatch.setattr(requests, "SLOWEST", float("inf"))
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", lambda *_, **__: never.wait())
    with pytest.raises(RunError, match=r"no answer within .* seconds"):
        store.get(store.key("fit", {}))
    never.set()


def test_a_broken_connection_is_tried_again_a_few_times(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, calls = Store(memory), list[int]()
    system = type(fsspec.filesystem("memory"))
    pipe = system.pipe_file

    def broken(self: Any, *arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) < requests.TRIES:
            raise ConnectionResetError("reset")
        pipe(self, *arguments, **options)

    monkeypatch.setattr(system, "pipe_file", broken)
    monkeypatch.setattr(requests, "PAUSE", 0.0)
    store.require_writable()
    assert len(calls) == requests.TRIES


def test_a_call_in_time_passes_on_results_and_errors() -> None:
    assert within(600, max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        within(600, divmod, 1, 0)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("s3fs"):
            raise ImportError(name)
        return original(name, *arguments, **options)

    def url_to_fs(*_: Any, **__: Any) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(extras, "_extras", lambda: {"s3fs": "s3"})
    monkeypatch.setattr(requests.fsspec, "url_to_fs", url_to_fs)
    with pytest.raises(AntivenomError, match=r"pip install 'antivenom\[s3\]'"):
        Store("s3://bucket").size()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("nothing://a", "address of the store is wrong"),
        ("s3://a?secret=b", "must not contain 'secret'.*AWS_ACCESS_KEY_ID"),
        ("sftp://me:word@host/a", "must not contain a password"),
        ("file://folder/a", "three slashes"),
        ("", "must be a folder or a URL"),
    ],
)
def test_a_wrong_address_is_one_clear_error(wrong: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Store(wrong).size()


def test_a_local_address_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Store("store").address == Store(Path("store")).address == str(tmp_path / "store")
    assert str(Store((tmp_path / "a").as_uri()).place.address) == str(tmp_path / "a")


def test_old_leases_and_parts_are_removed_and_new_ones_stay(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(memory)
    place = store.place
    assert isinstance(place, RemotePlace)
    for name in ("leases/fit-a.0.json", "parts/ab"):
        place.overwrite(name, b"{}")
    store.require_writable()
    assert set(place._find("")) == {"CACHEDIR.TAG", "leases/fit-a.0.json", "parts/ab"}
    monkeypatch.setattr(remote, "OLD_SECONDS", -1.0)
    store.require_writable()
    assert set(place._find("")) == {"CACHEDIR.TAG"}


def test_the_commands_work_on_urls(s3: str, tmp_path: Path) -> None:
    written(Store(s3), 2)
    for command, shown in (("size", "2 stages"), ("verify", "2 stages"), ("clean", "Removed 2 stages")):
        done = same_process("store", command, at=tmp_path, ANTIVENOM_STORE=s3)
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout
    assert Store(s3).size() == (0, 0)
