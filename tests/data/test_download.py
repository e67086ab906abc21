"""Fetching data from a server on this machine: cut off, resumed, lied to, and never without being asked."""

import hashlib
import io
import json
import socket
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from antivenom.cli import app
from antivenom.data import download
from antivenom.data.remotes import REMOTES, Remote
from antivenom.errors import DataError, MissingDataError, UnknownComponentError

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """A server with faults: what it has, what it does wrong, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut_after: int | None = None
        self.ranges = True
        self.redirects: dict[str, str] = {}
        self.asked: list[str | None] = []
        self.sent = 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        server, name = self.server, self.path[1:]
        server.asked.append(self.headers.get("Range"))
        if name in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[name])
            self.end_headers()
            return
        if name not in server.files:
            self.send_error(404)
            return
        body, start = server.files[name], 0
        if (asked := self.headers.get("Range")) and server.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        part = body[start : None if server.cut_after is None else start + server.cut_after]
        server.cut_after = None
        server.sent += len(part)
        self.wfile.write(part)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setattr(download, "RETRY_AFTER", 0.001)
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def publish(
    monkeypatch: pytest.MonkeyPatch,
    server: Server,
    content: bytes = CONTENT,
    *,
    name: str = "some.gz",
    says: bytes | None = None,
    members: tuple[tuple[str, int], ...] = (),
) -> Remote:
    """Put a file on the server, and into the table what `says` it should be."""
    server.files[name] = content
    meant = content if says is None else says
    sha = hashlib.sha256(meant).hexdigest()
    remote = Remote(server.url(name), len(meant), sha, f"thing/{name}", members)
    monkeypatch.setitem(REMOTES, "thing", (remote,))
    return remote


def test_a_file_is_fetched_once(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server)
    seen: list[tuple[str, int, int]] = []
    (file,) = download.get("thing", on_progress=lambda *told: seen.append(told))
    assert file.read_bytes() == CONTENT
    assert seen[-1] == ("some.gz", len(CONTENT), len(CONTENT))
    assert download.get("thing") == []
    assert len(server.asked) == 1
    assert [path.name for path in (tmp_path / "thing").iterdir()] == ["some.gz"]


def test_a_cut_connection_is_gone_on_with(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    publish(monkeypatch, server)
    server.cut_after = 300_000
    (file,) = download.get("thing")
    assert file.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]
    assert server.sent == len(CONTENT)


def test_what_was_begun_before_is_gone_on_with(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server)
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing/some.gz.part").write_bytes(CONTENT[:1000])
    download.get("thing")
    assert server.sent == len(CONTENT) - 1000


def test_a_server_that_cannot_resume_starts_again(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    publish(monkeypatch, server)
    server.cut_after, server.ranges = 300_000, False
    (file,) = download.get("thing")
    assert file.read_bytes() == CONTENT


def test_another_content_is_not_kept(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server, CONTENT[::-1], says=CONTENT)
    wrong, right = (hashlib.sha256(one).hexdigest() for one in (CONTENT[::-1], CONTENT))
    with pytest.raises(DataError, match=f"must have SHA-256 {right}; got {wrong}"):
        download.get("thing")
    assert not list((tmp_path / "thing").iterdir())


def test_more_than_was_published_is_not_read(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server, CONTENT * 3, says=CONTENT)
    with pytest.raises(DataError, match=f"more than the published {len(CONTENT)} bytes"):
        download.get("thing")
    assert not list((tmp_path / "thing").iterdir())


def test_a_part_that_is_too_long_is_begun_anew(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server)
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing/some.gz.part").write_bytes(CONTENT * 2)
    (file,) = download.get("thing")
    assert file.read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_asked_for_once(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    publish(monkeypatch, server)
    server.files.clear()
    with pytest.raises(DataError, match="404"):
        download.get("thing")
    assert len(server.asked) == 1


def test_a_server_that_is_gone_is_an_error(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    remote = publish(monkeypatch, server)
    monkeypatch.setattr(download, "TRIES", 2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gone = Remote(f"http://127.0.0.1:{port}/x", remote.size, remote.sha256, remote.place)
    monkeypatch.setitem(REMOTES, "thing", (gone,))
    with pytest.raises(DataError, match=r"could not be downloaded.*Run it again to continue"):
        download.get("thing")


def test_redirects_end(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    publish(monkeypatch, server)
    monkeypatch.setattr(download, "TRIES", 1)
    server.redirects["some.gz"] = server.url("some.gz")
    with pytest.raises(DataError, match="could not be downloaded"):
        download.get("thing")
    assert len(server.asked) <= 11
    server.redirects["some.gz"] = "file:///etc/passwd"
    with pytest.raises(DataError, match="could not be downloaded"):
        download.get("thing")
    server.redirects["some.gz"] = server.url("other")
    server.files["other"] = CONTENT
    assert download.get("thing")[0].read_bytes() == CONTENT


def archive(**members: bytes | tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as opened:
        for name, held in members.items():
            about = held if isinstance(held, tarfile.TarInfo) else tarfile.TarInfo(name.replace("__", "/"))
            if isinstance(held, bytes):
                about.size = len(held)
            opened.addfile(about, io.BytesIO(held) if isinstance(held, bytes) else None)
    return stream.getvalue()


MEMBERS = (("bin/a.bin", 4), ("bin/b.bin", 4))


def test_an_archive_is_unpacked_and_its_files_are_pinned(
    monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path
) -> None:
    content = archive(bin__a__bin=b"x", **{"bin__a.bin": b"aaaa", "bin__b.bin": b"bbbb", "bin__c.bin": b"c"})
    publish(monkeypatch, server, content, members=MEMBERS)
    files = download.get("thing")
    assert [file.read_bytes() for file in files] == [b"aaaa", b"bbbb"]
    assert sorted(path.name for path in (tmp_path / "thing").rglob("*")) == ["a.bin", "b.bin", "bin"]
    assert [state.state for state in download.check("thing")] == ["right", "right"]
    files[0].write_bytes(b"aaab")
    assert [state.state for state in download.check("thing")] == ["wrong", "right"]
    (tmp_path / "sums.json").unlink()
    assert [state.state for state in download.check("thing")] == ["unknown", "unknown"]


def link(name: str, to: str) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = tarfile.SYMTYPE, to
    return about


HOSTILE = {
    "a path that leads out": (archive(**{"..__evil.bin": b"evil"}), "does not contain"),
    "a link": (archive(a=link("bin/a.bin", "/etc/passwd"), **{"bin__b.bin": b"bbbb"}), "does not contain bin/a.bin"),
    "too large a member": (archive(**{"bin__a.bin": b"aaaaa", "bin__b.bin": b"bbbb"}), "must have at most 4 bytes"),
    "cut off": (archive(**{"bin__a.bin": b"aaaa", "bin__b.bin": b"bbbb"})[:-40], "cannot be unpacked"),
    "no archive": (b"something", "cannot be unpacked"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_writes_nothing_but_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path, name: str
) -> None:
    content, message = HOSTILE[name]
    publish(monkeypatch, server, content, members=MEMBERS)
    with pytest.raises(DataError, match=message):
        download.get("thing")
    assert not list(tmp_path.parent.glob("evil*"))
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_a_plain_file_serves_for_a_packed_one(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server)
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing/some").write_bytes(b"unpacked by hand")
    assert download.get("thing") == []
    assert [state.state for state in download.check("thing")] == ["unknown"]


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("name", list(REMOTES))
def test_offline_touches_no_network(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(MissingDataError, match=r"network access is off\. Download http"):
        download.get(name, network=False)
    monkeypatch.setenv("ANTIVENOM_OFFLINE", "1")
    with pytest.raises(MissingDataError, match="network access is off"):
        download.get(name)
    assert {state.state for state in download.present(name)} == {"missing"}
    assert {state.state for state in download.check(name)} == {"missing"}


def test_the_table_is_whole() -> None:
    for name, remotes in REMOTES.items():
        for remote in remotes:
            assert remote.place.startswith(f"{name}/")
            assert len(remote.sha256) == 64
            assert int(remote.sha256, 16) > 0
            assert remote.size > 0
            assert remote.url.startswith(("https://", "http://fashion-mnist."))
    sums = [remote.sha256 for remotes in REMOTES.values() for remote in remotes]
    assert len(set(sums)) == len(sums)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownComponentError, match="Did you mean 'mnist'"):
        download.get("mnst")


def test_the_commands(monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path) -> None:
    publish(monkeypatch, server)
    run = CliRunner().invoke
    rows = {row["name"]: row for row in json.loads(run(app, ["data", "list", "--json"]).stdout)}
    assert rows["thing"]["state"] == rows["mnist"]["state"] == "missing"
    assert "antivenom data get NAME" in run(app, ["data", "list"]).stdout
    assert "some.gz" in run(app, ["data", "get", "thing"]).stdout
    assert "already" in run(app, ["data", "get", "thing"]).stdout
    checked = run(app, ["data", "check", "thing"])
    assert checked.exit_code == 0
    assert "right" in checked.stdout
    (tmp_path / "thing/some.gz").write_bytes(b"other")
    checked = run(app, ["data", "check", "thing", "--json"])
    assert checked.exit_code == 2
    assert json.loads(checked.stdout)[0]["state"] == "wrong"
    assert isinstance(run(app, ["data", "get", "mnist", "--offline"]).exception, MissingDataError)
