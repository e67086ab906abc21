"""Nothing is lost: runs that are killed, disturbed or out of space end, the second time, as if nothing had happened."""

import json
import os
import random
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import RunError, WriteError
from antivenom.runner import Store, Sweep, load_spec
from antivenom.runner.events import Damaged, Event, Finished
from tests.helpers.command import same_process
from tests.helpers.forked import forked

SPEC: dict[str, Any] = {
    "dataset": "digits",
    "train_rows": 80,
    "model": {"name": "mlp", "hidden": [4]},
    "attack": {"name": "badnets", "target": 7},
    "training": {"name": "end_to_end", "epochs": 1, "batch_size": 40},
    "repeats": 2,
    "grid": {"attack.rate": [0.1, 0.2]},
}

KILLED = """
import json, os, pathlib, signal
from antivenom.runner import Store, load_spec

replace = pathlib.Path.replace

def replace_or_die(part, file):
    if file.match({pattern!r}):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(part, file)

pathlib.Path.replace = replace_or_die
load_spec(json.loads({spec!r})).run(out="out", store=Store(pathlib.Path("store")), progress=False)
"""


def run(place: Path, out: str = "out", **options: Any) -> None:
    sweep = load_spec(SPEC)
    assert isinstance(sweep, Sweep)
    sweep.run(out=place / out, store=Store(place / "store"), progress=False, **options)


TIMED = ("manifest.json", "status.json", "costs.csv")


def content(out: Path) -> dict[str, bytes]:
    """Every file of a run except for those that contain times."""
    files = [file for file in out.rglob("*") if not file.is_dir() and file.name not in TIMED]
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in files}


def remainders(place: Path) -> list[Path]:
    return [*(place / "out").rglob(".*"), *(place / "store").rglob(".*")]


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed, with its store."""
    place = tmp_path_factory.mktemp("right")
    run(place)
    assert {"table.csv", "cells/1-rate-0.1/repeats/1/poison.npz"} <= content(place / "out").keys()
    return place


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the run is in a process that is killed")
@pytest.mark.parametrize("pattern", ["out/spec.yaml", "fit-*", "cells/2-*/repeats/1/poison.npz", "1-*/manifest.json"])
def test_a_run_that_is_killed_while_it_writes_continues(right: Path, tmp_path: Path, pattern: str) -> None:
    done = forked(KILLED.format(pattern=pattern, spec=json.dumps(SPEC)), at=tmp_path)
    assert done.returncode == -9, done.stderr
    assert any(file.name.endswith(".part") for file in remainders(tmp_path))
    run(tmp_path)
    assert content(tmp_path / "out") == content(right / "out")
    assert remainders(tmp_path) == []


@pytest.mark.parametrize(("size", "known"), [(3000, False), (300, True), (1500, True)])
def test_a_run_that_fills_its_disk_is_one_error_and_continues(
    right: Path, tmp_path: Path, size: int, known: bool
) -> None:
    if known:
        shutil.copytree(right / "store", tmp_path / "store")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(WriteError, match="has no space for"):
            run(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    run(tmp_path)
    assert content(tmp_path / "out") == content(right / "out")
    assert remainders(tmp_path) == []


def test_damaged_stages_are_named_once_and_computed_again(right: Path, tmp_path: Path) -> None:
    dice, events = random.Random(0), list[Event]()
    shutil.copytree(right / "store", tmp_path / "store")
    files = sorted((tmp_path / "store").glob("??/*.safetensors"))
    for file in files:
        whole = bytearray(file.read_bytes())
        whole[-1 - dice.randrange(40)] ^= 1 << dice.randrange(8)
        file.write_bytes(whole)
    run(tmp_path, on_event=events.append)
    assert len([event for event in events if isinstance(event, Damaged)]) == len(files)
    assert content(tmp_path / "out") == content(right / "out")
    assert Store(tmp_path / "store").verify() == (len(files), ())


USES: dict[str, Callable[[Path], object]] = {
    "is cleaned": lambda place: Store(place / "store").clean(),
    "is verified": lambda place: Store(place / "store").verify(),
    "is used by the same run in another folder": lambda place: (place / "other").exists() or run(place, "other"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_run_ends_well_if_its_store(right: Path, tmp_path: Path, use: Callable[[Path], object]) -> None:
    events = list[Event]()

    def on_event(event: Event) -> None:
        events.append(event)
        use(tmp_path)

    run(tmp_path, on_event=on_event)
    assert not [event for event in events if isinstance(event, Damaged)]
    for out in {"out", *(["other"] * (tmp_path / "other").exists())}:
        assert content(tmp_path / out) == content(right / "out")


@pytest.mark.parametrize("place", ["cells/1-rate-0.1", "cells/2-rate-0.2", "."])
def test_a_folder_that_becomes_unwritable_is_one_error_and_the_run_continues(
    right: Path, tmp_path: Path, place: str
) -> None:
    spoiled = list[Path]()

    def spoil(event: Event) -> None:
        if isinstance(event, Finished) and event.stage == "fit control" and event.cell.startswith("2") and not spoiled:
            spoiled.append(tmp_path / "out" / place)
            shutil.rmtree(spoiled[0], ignore_errors=True)
            spoiled[0].parent.mkdir(exist_ok=True)
            spoiled[0].write_text("a file")

    with pytest.raises(RunError, match=r"cannot be|is missing|Not a directory"):
        run(tmp_path, on_event=spoil)
    spoiled[0].unlink()
    run(tmp_path)
    assert content(tmp_path / "out") == content(right / "out")


@pytest.mark.parametrize("wrong", ["file/below", "/proc/antivenom"])
def test_a_store_or_folder_that_cannot_be_made_is_one_line(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    place = str(tmp_path / wrong)
    for done in (
        same_process("run", "spec.yaml", "--out", "out", at=tmp_path, ANTIVENOM_STORE=place),
        same_process("run", "spec.yaml", "--out", place, at=tmp_path),
        same_process("poison", "spec.yaml", "--set", "grid=null", "--out", place, at=tmp_path),
        same_process("craft", "spec.yaml", "--set", "grid=null", "--out", place, at=tmp_path),
    ):
        lines = [line for line in done.stderr.splitlines() if line.startswith("✗ ")]
        assert (done.returncode, len(lines)) == (2, 1), done.stderr
        assert "cannot be" in lines[0]


def test_what_a_killed_export_or_craft_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    for name in (".out.abc.part", "made/.x.npz.abc.part", ".other.abc.part"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "content").write_text("half")
    for command, out in (("poison", "out"), ("craft", "made")):
        done = same_process(command, "spec.yaml", "--set", "grid=null", "--out", out, at=tmp_path)
        assert done.returncode == 0, done.stderr
    assert [place.name for place in tmp_path.rglob(".*.part")] == [".other.abc.part"]
