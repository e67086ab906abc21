"""No two workers compute one stage at the same time, and a dead worker stops none."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.helpers.forked import forked

from antivenom.errors import WriteError
from antivenom.runner.executors.stages import Stages
from antivenom.storage.places import flock, shared_lease
from antivenom.storage.places.local import LocalPlace
from antivenom.storage.store import Store

KEY = "fit-abcd"

WORKER = """
import os, pathlib, sys, time
import torch
from antivenom.runner.executors.stages import Stages
from antivenom.storage.store import Store

def compute():
    with open("computed", "a") as file:
        file.write("x")
    pathlib.Path("began").write_text(str(os.getpid()))
    time.sleep({seconds})
    return 3

stages = Stages(Store({address!r}), torch.device("cpu"))
pack = lambda result: ({{"x": torch.tensor(result)}}, {{}})
result = stages._stage(0, "fit victim", {{"n": 1}}, compute, pack, lambda tensors, _: int(tensors["x"]))
print(result)
"""


@pytest.fixture(params=["folder", "folder without locks", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, seconds in (("SHORTEST", 0.002), ("LONGEST", 0.02)):
        monkeypatch.setattr(shared_lease, name, seconds)
    if request.param == "folder without locks":
        monkeypatch.setattr(flock, "fcntl", None)
    return Store(tmp_path if request.param.startswith("folder") else request.getfixturevalue(request.param))


def in_threads(count: int, work: Callable[[int], object]) -> None:
    errors = list[BaseException]()

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert errors == []


def leases(store: Store) -> list[str]:
    place = store.place
    if isinstance(place, LocalPlace):
        return [file.name for file in (place.folder / "leases").glob("*")]
    return place.names("leases/")  # type: ignore[attr-defined]


def stage(store: Store, compute: Callable[[], int], stages: list[Stages] | None = None, **options: Any) -> int:
    ran = Stages(store, torch.device("cpu"), **options)
    if stages is not None:
        stages.append(ran)
    return ran._stage(
        0,
        "fit victim",
        {"n": 1},
        compute,
        lambda result: ({"x": torch.tensor(result)}, {}),
        lambda tensors, _: int(tensors["x"]),
    )


def test_at_most_one_holds_a_lease_and_no_file_is_left(store: Store) -> None:
    inside, most = list[int](), list[int]()

    def work(number: int) -> None:
        for _ in range(2):
            with store.lease(KEY):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.001)
                inside.remove(number)

    in_threads(5, work)
    assert (len(most), max(most)) == (10, 1)
    assert leases(store) == []


def test_workers_compute_a_stage_once(store: Store) -> None:
    computed, kept, waited = list[int](), list[Stages](), list[Any]()

    def compute() -> int:
        computed.append(1)
        time.sleep(0.1)
        return 3

    Stages(store, torch.device("cpu"))._given({}, 1)  # CPython 3.11 cannot parse source in several threads
    in_threads(3, lambda _: stage(store, compute, kept, on_event=waited.append))
    assert computed == [1]
    assert sorted(each.timings[0]["stored"] for each in kept) == [False, True, True]
    assert leases(store) == []


def test_a_worker_that_fails_lets_the_next_compute(store: Store) -> None:
    results, begun = list[int](), threading.Event()
    Stages(store, torch.device("cpu"))._given({}, 1)  # as above

    def fail() -> int:
        begun.set()
        time.sleep(0.1)
        raise ValueError("a mistake")

    def work(number: int) -> None:
        if number:
            begun.wait(600)
            results.append(stage(store, lambda: 4))
        else:
            with pytest.raises(ValueError, match="a mistake"):
                stage(store, fail)

    in_threads(2, work)
    assert results == [4]
    assert leases(store) == []


@pytest.mark.parametrize("name", ["memory", "s3", "folder"])
def test_an_abandoned_lease_is_taken_over_by_exactly_one(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each, seconds in (("SHORTEST", 0.002), ("LONGEST", 0.02), ("STALE_SECONDS", 0.3), ("BEAT_SECONDS", 0.02)):
        monkeypatch.setattr(shared_lease, each, seconds)
    monkeypatch.setattr(flock, "fcntl", None)
    store = Store(tmp_path if name == "folder" else request.getfixturevalue(name))
    dead = shared_lease._Lease(files_of(store), KEY)
    dead.acquire(str)
    inside, owners, began = list[int](), list[str](), time.monotonic()

    def work(number: int) -> None:
        with store.lease(KEY, owners.append):
            assert time.monotonic() - began >= 0.3
            inside.append(number)
            assert len(inside) == 1
            time.sleep(0.4)  # longer than STALE_SECONDS: only the renewal keeps the others out
            inside.remove(number)

    in_threads(3, work)
    assert owners[0].startswith(f"process {os.getpid()} on ")
    assert leases(store) == []
    dead.release()  # it was only suspended


def files_of(store: Store) -> Any:
    from antivenom.storage.places.local import LocalLeaseFiles

    return LocalLeaseFiles(store.place.folder) if isinstance(store.place, LocalPlace) else store.place


def test_a_suspended_owner_does_not_remove_the_lease_of_another(memory: str) -> None:
    store = Store(memory)
    first = shared_lease._Lease(files_of(store), KEY)
    first.acquire(str)
    content = {name: store.place.read(name) for name in leases(store)}  # type: ignore[attr-defined]
    second = shared_lease._Lease(files_of(store), KEY)
    assert not second._create({})
    assert second._create(content)
    third = shared_lease._Lease(files_of(store), KEY)
    assert not third._create(content)  # it saw the same dead worker, and is late
    first.release()
    assert not third._create({})
    assert leases(store) == [f"leases/{KEY}.1.json"]
    second.release()
    assert third._create({})


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b'{"owner": 3}', b"\xff" * 9000])
def test_a_lease_with_odd_content_only_delays(memory: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_lease, "STALE_SECONDS", 0.05)
    store, owners = Store(memory), list[str]()
    store.place.overwrite(f"leases/{KEY}.7.json", content)  # type: ignore[attr-defined]
    with store.lease(KEY, owners.append):
        assert len(owners) == 1
        assert leases(store) == [f"leases/{KEY}.8.json"]


def test_a_lease_whose_place_fails_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "leases").write_text("a file")
    with (
        pytest.raises(WriteError, match=r"The store cannot be written to: .*Set \$ANTIVENOM_STORE"),
        Store(tmp_path).lease(KEY),
    ):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the other worker is a fork")
@pytest.mark.parametrize("killed", [False, True])
def test_two_processes_compute_a_stage_once_and_a_killed_one_is_replaced(tmp_path: Path, killed: bool) -> None:
    code, done = WORKER.format(address="store", seconds=600 if killed else 0.3), list[Any]()
    other = threading.Thread(target=lambda: done.append(forked(code, at=tmp_path)))
    other.start()
    while not (tmp_path / "began").exists() or not (tmp_path / "began").read_text():
        time.sleep(0.01)
    if killed:
        Store(tmp_path / "store").clean()
        threading.Timer(0.2, os.kill, (int((tmp_path / "began").read_text()), signal.SIGKILL)).start()
    owners = list[Any]()
    assert stage_in(tmp_path, owners.append) == 3
    other.join(600)
    assert done[0].returncode == (-9 if killed else 0), done[0].stderr
    assert [type(event).__name__ for event in owners] == ["Started", "Waiting", "Finished"]
    assert (tmp_path / "computed").read_text() == "x" * (1 + killed)
    assert list((tmp_path / "store" / "leases").glob("*")) == []


def stage_in(place: Path, on_event: Callable[[Any], object]) -> int:
    def compute() -> int:
        with (place / "computed").open("a") as file:
            file.write("x")
        return 3

    return stage(Store(place / "store"), compute, on_event=on_event)


def test_ctrl_c_ends_the_wait(store: Store) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with store.lease(KEY):
        with pytest.raises(KeyboardInterrupt), store.lease(KEY, interrupt):
            pass
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt), store.lease(KEY):
            pass
        assert len(leases(store)) == 1
    assert leases(store) == []


def test_locks_that_killed_workers_left_are_removed_and_others_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "leases").mkdir()
    (tmp_path / "leases" / "fit-dead.lock").touch()
    with store.lease(KEY):
        store.require_writable()
        assert leases(store) == [f"{KEY}.lock"]
    assert leases(store) == []


def test_a_store_that_is_removed_meanwhile_does_not_disturb_its_lease(tmp_path: Path) -> None:
    with Store(tmp_path).lease(KEY):
        for file in (tmp_path / "leases").glob("*"):
            file.unlink()
        (tmp_path / "leases").rmdir()
