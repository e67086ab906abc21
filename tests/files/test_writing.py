"""Writing files: whole or not at all, with one error if there is no space, and never somewhere else."""

import os
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from antivenom.data import memmap
from antivenom.errors import WriteError
from antivenom.files import writing
from antivenom.files.writing import (
    atomic_file,
    folder_inside,
    inside,
    remove_leftovers,
    require_space,
    write_bytes,
    write_text,
    write_text_lines,
)
from antivenom.storage.files import write_arrays, write_json, write_tensors

LARGE = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8)
WRITERS = {
    "bytes": lambda file: write_bytes(file, LARGE.tobytes()),
    "text": lambda file: write_text(file, LARGE.tobytes().hex()),
    "lines": lambda file: write_text_lines(file, ("a" * 80 for _ in range(10_000))),
    "json": lambda file: write_json(file, LARGE.tolist()),
    "arrays": lambda file: write_arrays(file, {"x": LARGE}),
    "tensors": lambda file: write_tensors(file, {"x": torch.from_numpy(LARGE)}, {}),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_one_error_and_leaves_the_old_file(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "run" / "file"
    write_bytes(file, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(WriteError, match=r"run has no space for file: File too large\. Free some space there"):
            WRITERS[kind](file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [each.name for each in file.parent.iterdir()] == ["file"]
    assert file.read_bytes() == b"old"
    WRITERS[kind](file)
    assert file.stat().st_size > 20_000


def test_a_nearly_full_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 30, 1 << 30, 3 << 20))
    require_space(tmp_path / "not" / "made" / "yet", 1 << 20)
    write_bytes(tmp_path / "small", b"1")
    with pytest.raises(WriteError, match=r"requires 3\.5 MiB of free space; the disk has 3\.0 MiB"):
        write_bytes(tmp_path / "large", bytes(5 << 19))
    assert [each.name for each in tmp_path.iterdir()] == ["small"]


def test_rows_beyond_memory_on_a_full_disk_are_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memmap, "MAX_BYTES_IN_MEMORY", 100)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(WriteError, match=r"has no space for 0 MiB of rows: .* set \$TMPDIR"):
            memmap.empty_rows(10, (1, 20, 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    rows = memmap.empty_rows(10, (1, 20, 20)).fill_(3)
    assert int(rows.sum()) == 12_000


@pytest.mark.parametrize("parent", ["a file", "a file/inner"])
def test_a_file_in_the_way_is_one_error(tmp_path: Path, parent: str) -> None:
    (tmp_path / "a file").write_text("mine")
    with pytest.raises(WriteError, match="cannot be created"):
        write_bytes(tmp_path / parent / "new", b"")
    (tmp_path / "a folder").mkdir()
    with pytest.raises(WriteError, match="cannot be written"):
        write_bytes(tmp_path / "a folder", b"")
    with pytest.raises(WriteError, match="cannot be written"):
        write_bytes(tmp_path / ("x" * 300), b"")
    with pytest.raises(WriteError, match="cannot be written: surrogates not allowed"):
        write_text(tmp_path / "text", "a\udc80")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a file", "a folder"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("secret")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "secret").read_text() == "secret"
    assert (tmp_path / "link").read_text() == "new"
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "..\\a", "a\0b", "x" * 256, "é" * 128])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    for names in ([name], ["figures", name], [name, "a.png"]):
        with pytest.raises(WriteError, match="is not the name of a file in"):
            inside(tmp_path, *names)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    run = tmp_path / "run"
    run.symlink_to("home")  # the folder that the user names may be a link
    (run / "figures").mkdir()
    assert inside(run, "figures", "a.png") == run / "figures" / "a.png"
    (run / "figures").rmdir()
    (run / "figures").symlink_to(tmp_path)
    for call in (lambda: inside(run, "figures", "a.png"), lambda: folder_inside(run, "figures")):
        with pytest.raises(WriteError, match="must be a folder; got a symbolic link"):
            call()


def test_what_a_killed_process_left_is_removed_and_what_a_running_one_writes_is_not(tmp_path: Path) -> None:
    (tmp_path / ".a stranger's.part").write_text("a file")
    child = os.fork()
    if not child:
        with atomic_file(tmp_path / "file") as part:
            part.write_bytes(b"half")
            time.sleep(60)
        os._exit(1)
    try:
        deadline = time.monotonic() + 20
        while not list(tmp_path.glob(".file.*/content")) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert remove_leftovers(tmp_path) == 0
        assert len(list(tmp_path.glob(".file.*/content"))) == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert remove_leftovers(tmp_path) == 1
    assert [each.name for each in tmp_path.iterdir()] == [".a stranger's.part"]


def test_a_folder_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, calls = writing._lock, list[Path]()

    def slow(folder: Path) -> int | None:
        calls.append(folder)
        if len(calls) == 1:
            assert remove_leftovers(tmp_path) == 1  # another process, between the making and the locking
        return lock(folder)

    monkeypatch.setattr(writing, "_lock", slow)
    write_text(tmp_path / "file", "whole")
    assert len(calls) == 2
    assert (tmp_path / "file").read_text() == "whole"
