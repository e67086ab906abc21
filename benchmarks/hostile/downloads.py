"""Hostile answers of a server on this machine to `antivenom data get`."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

from antivenom.data import download
from antivenom.data.remotes import REMOTES, Remote
from antivenom.rng import Rng
from benchmarks.hostile.isolated import watched
from benchmarks.hostile.mutations import Draw, spoiled
from benchmarks.hostile.server import FixedAnswers

CONTENT = bytes(range(256)) * 40
MEMBERS = (("bin/a.bin", 4), ("bin/b.bin", 4))


class Downloads:
    """Answers with wrong sizes, ranges, redirects and headers; slow and endless answers; hostile archives."""

    def __init__(self, root: Path, seed: int) -> None:
        self.seed, self.root = seed, root
        self.server: FixedAnswers | None = None
        self.bomb = gzip.compress(bytes(_bomb()), 1, mtime=0)

    def __call__(self, number: int, folder: Path) -> str:
        """Get a data set from a server that sends a hostile answer."""
        if self.server is None:  # in the child process
            self.server = FixedAnswers()
            download.TIMEOUT, download.RETRY_AFTER, download.PATIENCE, download.TRIES = 0.2, 0.0, 0.1, 2
        draw = Rng(self.seed).child("downloads").child(str(number)).numpy()
        os.environ["ANTIVENOM_DATA"] = str(folder)
        server, packed = self.server, draw.random() < 0.5
        body = self._archive(draw) if packed else CONTENT
        url = f"http://127.0.0.1:{server.port}/{draw.choice(['a.gz', '%00', 'x' * 3000])}"
        sha = hashlib.sha256(body).hexdigest()
        REMOTES["thing"] = (Remote(url, len(body), sha, "thing/some.gz", MEMBERS if packed else ()),)
        server.pause, server.endless, server.drips = 0.0, b"", False
        server.start = self._answer(draw, body) if draw.random() < (0.3 if packed else 1) else _ok(body)
        if draw.random() < 0.1:
            self._in_the_way(draw, folder)
        with watched():
            download.get("thing")
            list(download.check("thing"))
            download.present("thing")
        return "read"

    def _archive(self, draw: Draw) -> bytes:
        return self.bomb if draw.random() < 0.02 else archive(draw)

    def _answer(self, draw: Draw, body: bytes) -> bytes:
        assert self.server is not None
        change, size = int(draw.integers(9)), len(body)
        if change == 0:
            length = draw.choice(["0", "-1", "9" * 30, "abc", "1e3", str(size + 1), str(size - 1), "", "²"])
            return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + body
        if change == 1:
            span = draw.choice(["bytes 0-9/10", "bytes */*", "x", f"bytes 100-{size}/{size}", "bytes -1-"])
            return f"HTTP/1.1 206 Partial\r\nContent-Range: {span}\r\n\r\n".encode() + body[100:]
        if change == 2:
            port = self.server.port
            places = ["file:///etc/passwd", "ftp://127.0.0.1/x", "", "//", "http://", "http://[::1", "\x00",
                "http://\x01/",
                      f"http://127.0.0.2:{port}/a", "gopher://x", "http://user:pw@127.0.0.1:1/",
                      "http://127.0.0.1:99999/",
                      "x" * 60_000, "http://127.0.0.1:abc/", "http://名.invalid/", "/名", "data:,x", "http:/x",
                      f"http://127.0.0.1:{port}/loop", "HTTP://127.0.0.1:0/", "https://127.0.0.1:1/"]  # fmt: skip
            code = int(draw.choice([301, 302, 303, 307, 308, 300, 399]))
            return f"HTTP/1.1 {code} M\r\nLocation: {draw.choice(places)}\r\n\r\n".encode()
        if change == 3:
            code = draw.choice(["200", "204", "304", "401", "404", "416", "500", "503", "999", "abc", "-1", "100"])
            return f"HTTP/1.1 {code} OK\r\n\r\n".encode() + body
        if change == 4:
            head = draw.choice(["Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                "Transfer-Encoding: chunked\r\n\r\n-5\r\nab",
                                "Transfer-Encoding: chunked\r\n\r\nffffffffff\r\nab", "A: " + "b" * 70_000 + "\r\n\r\n",
                                "A: b\r\n" * 200 + "\r\n", "Content-Encoding: gzip\r\n\r\n", ": \r\n\r\n",
                                "\xff\r\n\r\n"])  # fmt: skip
            return b"HTTP/1.1 200 OK\r\n" + str(head).encode("latin1") + body
        if change == 5:
            self.server.endless = (b"x" * 65536, b"A: b\r\n", b"\r\n" * 100, b"1\r\nx\r\n" * 100)[int(draw.integers(4))]
            chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            starts = (_ok(body)[:-10], b"HTTP/1.1 200 OK\r\n", b"", b"HTTP/1.1 100 C\r\n\r\n", chunked,
                      b"%s%x\r\n%s\r\n0\r\n" % (chunked, len(body), body))  # fmt: skip
            return starts[int(draw.integers(len(starts)))]
        if change == 6:
            self.server.pause = 0.005 if draw.random() < 0.1 else 0.0
            self.server.endless = b"x" if self.server.pause else b""
            self.server.drips = bool(self.server.pause) and draw.random() < 0.5
            return b"HTTP/1.1 200 OK\r\n\r\n" + body[:20]
        if change == 7:
            return spoiled(draw, _ok(body))
        return bytes(draw.bytes(200))

    def _in_the_way(self, draw: Draw, folder: Path) -> None:
        """Put a link, a FIFO or a folder where the download writes."""
        (folder / "thing").mkdir()
        name = str(draw.choice(["some.gz.part", "some.gz", "bin"]))
        place, outside = folder / "thing" / name, self.root / "outside" / "kept.txt"
        kind = int(draw.integers(5))
        if kind == 0:
            os.mkfifo(place)
        elif kind == 1:
            place.mkdir()
        elif kind == 2 and name != "bin":
            place.symlink_to(outside)
        elif kind == 3:
            place.symlink_to("/dev/zero")
        else:
            (folder / "sums.json").write_text(str(draw.choice(["[", "3", "[" * 9000, '{"a": 3}', "null"])))


def _ok(body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def archive(draw: Draw) -> bytes:
    """Return an archive with hostile members, or damaged."""
    stream = io.BytesIO()
    odd = ("../evil.bin", "/tmp/evil.bin", "bin/../../evil", "bin/a.bin", "./bin/a.bin", "bin", "", "a" * 5000,
        "\x01\n",
           "bin/b.bin", "bin/\x00a", "名" * 90, "bin/a.bin/", "..")  # fmt: skip
    with tarfile.open(fileobj=stream, mode="w", format=int(draw.choice([0, 1, 2]))) as opened:
        for name in ("bin/a.bin", "bin/b.bin", str(draw.choice(odd)), str(draw.choice(odd))):
            about = tarfile.TarInfo(name if draw.random() < 0.9 else str(draw.choice(odd)))
            about.type = bytes(
                draw.choice([b"0", b"0", b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"S", b"x", b"L"])
            )
            about.linkname = str(draw.choice(["", "/etc/passwd", "../..", "bin/a.bin"]))
            about.size = int(draw.choice([4, 4, 4, 0, 5])) if about.type in (b"0", b"7", b"L", b"x", b"S") else 0
            about.mode, about.uid = int(draw.choice([0, 0o7777, 0o644])), int(draw.choice([0, 2**20]))
            try:
                opened.addfile(about, io.BytesIO(b"aaaaaaaa"))
            except (ValueError, UnicodeError):
                continue
    content = bytearray(stream.getvalue())
    if draw.random() < 0.5:
        for _ in range(int(draw.choice([1, 3, 10]))):
            content[int(draw.integers(min(len(content), 3000)))] = int(draw.integers(256))
    packed = gzip.compress(bytes(content), 1, mtime=0)
    return spoiled(draw, packed) if draw.random() < 0.2 else packed


def _bomb() -> bytearray:
    """Return an archive whose extended header claims and has 600 MB."""
    about = tarfile.TarInfo("bin/a.bin")
    about.type, about.size = b"x", 600 << 20
    return bytearray(about.tobuf()) + bytearray(600 << 20)
