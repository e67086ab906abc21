"""Opening files: only regular ones, of a bounded size, in the right folder."""

import os
import socket
import time
from pathlib import Path

import pytest

from antivenom.errors import DataError, MissingDataError
from antivenom.files.opening import open_file, read_bytes, read_text, require_file


def special(folder: Path, kind: str) -> Path:
    file = folder / "special"
    if kind == "a FIFO":
        os.mkfifo(file)
    elif kind == "a folder":
        file.mkdir()
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(os.path.relpath(file))  # the path of a socket must be short
    else:
        file.symlink_to("/dev/zero")
    return file


@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a device", "a socket"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file, began = special(tmp_path, kind), time.monotonic()
    for read in (open_file, read_bytes, read_text, require_file):
        with pytest.raises(DataError, match=kind if kind != "a socket" else "a socket|cannot be read"):
            read(file)
    assert time.monotonic() - began < 5


def test_a_missing_file_and_an_impossible_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="absent is missing"):
        read_bytes(tmp_path / "absent")
    for path in ("a\0b", "x" * 5000):
        with pytest.raises(DataError, match="cannot be read"):
            read_bytes(path)


def test_a_file_of_the_limit_is_read_and_a_longer_one_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(DataError, match="must have at most 4 bytes; it is longer"):
        read_bytes(tmp_path / "a", 4)


def test_a_file_that_grows_while_it_is_read_is_not_read_forever() -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("requires Linux: files of /proc have the size 0, but content")
    with pytest.raises(DataError, match="must have at most 0 bytes"):
        read_bytes("/proc/self/maps", 0)


def test_a_link_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    inner, outer = tmp_path / "run", tmp_path / "secret"
    inner.mkdir()
    outer.write_text("secret")
    (inner / "own").write_text("own")
    (inner / "link").symlink_to(outer)
    (inner / "near").symlink_to("own")
    (tmp_path / "run2").mkdir()
    (inner / "sibling").symlink_to(tmp_path / "run2")
    assert read_text(inner / "own", within=inner) == read_text(inner / "near", within=inner) == "own"
    assert read_text(inner / "link") == "secret", "a link is no fault where no folder is named"
    for name in ("link", "sibling"):
        with pytest.raises(DataError, match="leads out of"):
            open_file(inner / name, within=inner)


def test_text_that_is_not_utf_8_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ab\xff")
    with pytest.raises(DataError, match="is not UTF-8 text: invalid start byte at offset 2"):
        read_text(tmp_path / "a")
