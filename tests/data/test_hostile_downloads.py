"""A server or an archive of a stranger: one error, in little time and memory, and nothing is written elsewhere."""

import gzip
import io
import os
import socket
import tarfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.hostile.server import FixedAnswers

from antivenom.data import download
from antivenom.data.http import Pace, open_url
from antivenom.data.remotes import REMOTES, Remote
from antivenom.errors import DataError

MEMBERS = (("bin/a.bin", 4),)
OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FixedAnswers]:
    monkeypatch.setattr(download, "RETRY_AFTER", 0.0)
    monkeypatch.setattr(download, "TRIES", 2)
    monkeypatch.setattr(download, "TIMEOUT", 1.0)
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path / "data"))
    answers = FixedAnswers()
    monkeypatch.setitem(REMOTES, "thing", (Remote(answers.url, 10, "0" * 64, "thing/a.gz"),))
    yield answers
    answers.close()


ANSWERS = {
    "a negative length": OK + b"Content-Length: -1\r\n\r\n",
    "a length of text": OK + b"Content-Length: abc\r\n\r\n",
    "a wrong chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a huge chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\nab",
    "a long header": OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n",
    "many headers": OK + b"A: b\r\n" * 200 + b"\r\n",
    "another range": b"HTTP/1.1 206 Partial\r\nContent-Range: bytes */*\r\n\r\nabc",
    "a file": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
    "a control character": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\x01\r\n\r\n",
    "a wrong port": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/\r\n\r\n",
    "a wrong address": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
    "a host of other letters": b"HTTP/1.1 302 Found\r\nLocation: /\xe5\x90\x8d\r\n\r\n",
    "no status": b"HTTP/1.1 abc\r\n\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_odd_answer_is_one_error(name: str, server: FixedAnswers, tmp_path: Path) -> None:
    server.start = ANSWERS[name]
    with pytest.raises(DataError, match=r"could not be downloaded|must have SHA-256|sends more"):
        download.get("thing")
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} <= {"a.gz.part"}


@pytest.mark.parametrize("start", [b"", OK, OK + b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("endless", [b"x" * 65536, b"A: b\r\n"])
def test_an_endless_answer_ends(start: bytes, endless: bytes, server: FixedAnswers) -> None:
    server.start, server.endless = start, endless
    began = time.monotonic()
    with pytest.raises(DataError):
        download.get("thing")
    assert time.monotonic() - began < 8


def test_a_slow_answer_is_a_broken_connection(server: FixedAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.2)
    monkeypatch.setitem(REMOTES, "thing", (Remote(server.url, 10**6, "0" * 64, "thing/a.gz"),))
    server.start, server.endless, server.pause = OK + b"\r\n", b"x", 0.01
    began = time.monotonic()
    with pytest.raises(DataError, match="the server sent only"):
        download.get("thing")
    assert time.monotonic() - began < 8


class Waits(Pace):
    """Lets the reader wait for a very short time, as at the end of a period; the fifth time, the server goes on."""

    def left(self) -> float:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 5:
            GO_ON.set()
        return 0.02


GO_ON = threading.Event()


def test_a_wait_at_the_end_of_a_period_does_not_break_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(OK + b"Content-Length: 6\r\n\r\nabc")
                GO_ON.wait(600)
                connection.sendall(b"def")

        GO_ON.clear()
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        request = urllib.request.Request(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        with open_url(request, Waits(600.0, 0.0, 600.0)) as opened:
            content = b"".join(iter(lambda: opened.read1(10), b""))
        thread.join()
    assert content == b"abcdef"


DRIPPING = {
    "headers": OK + b"A: " + b"b" * 5000,
    "many headers": OK + b"A: b\r\n" * 99,
    "a status": b"HTTP/1.1 200 " + b"O" * 5000,
    "a size of a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
    "an extension of a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"x" * 5000,
}


@pytest.mark.parametrize("name", DRIPPING)
def test_bytes_that_drip_are_a_broken_connection(
    name: str, server: FixedAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    server.start, server.drips, server.pause = DRIPPING[name], True, 0.01
    with pytest.raises(DataError, match="the server sent only 0 bytes of the file in"):
        download.get("thing")


def test_redirects_that_drip_have_one_deadline(server: FixedAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.5)
    server.start = f"HTTP/1.1 302 Found\r\nLocation: {server.url}\r\n\r\n".encode()
    server.drips, server.pause = True, 0.004  # each answer takes less than the deadline
    with pytest.raises(DataError, match="the server sent only 0 bytes of the file in"):
        download.get("thing")


def test_trailers_without_an_end_are_not_read_for_ever(server: FixedAnswers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    server.start = OK + b"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n"
    server.endless = b"A: b\r\n" * 1000
    with pytest.raises(DataError, match="must have SHA-256"):
        download.get("thing")


@pytest.mark.parametrize("name", ["a.gz", "a.gz.part"])
@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a link"])
def test_what_is_in_the_way_is_not_written_to(kind: str, name: str, server: FixedAnswers, tmp_path: Path) -> None:
    place, outside = tmp_path / "data" / "thing" / name, tmp_path / "kept"
    place.parent.mkdir(parents=True)
    outside.write_text("kept")
    if kind == "a FIFO":
        os.mkfifo(place)
    elif kind == "a folder":
        place.mkdir()
    else:
        place.symlink_to(outside if name.endswith("part") else tmp_path / "absent")
    server.start = OK + b"\r\n0123456789"
    with pytest.raises(DataError):
        download.get("thing")
    assert outside.read_text() == "kept"
    assert not (tmp_path / "absent").exists()


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> bytes:
    about = tarfile.TarInfo(name)
    about.type, about.size, about.linkname = kind, size, link
    return about.tobuf(tarfile.GNU_FORMAT)


ARCHIVES = {
    "a device": member("bin/a.bin", tarfile.CHRTYPE),
    "a FIFO": member("bin/a.bin", tarfile.FIFOTYPE),
    "a hard link": member("bin/a.bin", tarfile.LNKTYPE, link="../../kept"),
    "a link above": member("bin", tarfile.SYMTYPE, link="/tmp") + member("bin/a.bin", size=5),
    "a negative size": member("bin/a.bin")[:124] + b"\xff" * 12 + member("bin/a.bin")[136:],
    "a long name without an end": member("x", tarfile.GNUTYPE_LONGNAME, size=10**9),
    "long names in long names": member("x", tarfile.GNUTYPE_LONGNAME, size=1) * 3000,
    "an odd extended header": member("x", tarfile.XHDTYPE, size=512) + b"9999999 a=b\n".ljust(512, b"\0"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_odd_archive_is_one_error(name: str, tmp_path: Path) -> None:
    place = tmp_path / "data" / "thing" / "a.gz"
    place.parent.mkdir(parents=True)
    place.write_bytes(gzip.compress(ARCHIVES[name] + bytes(2048)))
    with pytest.raises(DataError, match=r"cannot be unpacked|does not contain|must have at most"):
        download._unpack(Remote("", 1, "", "thing/a.gz", MEMBERS), place, tmp_path / "data", lambda *_: None)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [place]


def test_an_archive_of_terabytes_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SPARE", 1 << 20)
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as packed:
        packed.write(member("x", tarfile.XHDTYPE, size=1 << 40))
        for _ in range(8):
            packed.write(bytes(1 << 20))
    (tmp_path / "a.gz").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match="far more bytes than its members"):
        download._unpack(Remote("", 1, "", "a.gz", MEMBERS), tmp_path / "a.gz", tmp_path, lambda *_: None)
