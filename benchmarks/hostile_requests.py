"""Random HTTP requests: valid requests of the page whose lines, headers and JSON bodies are changed."""

import json
import random
from typing import Any

PATHS = (
    "/",
    "/page.css",
    "/page.js",
    "/api/scene",
    "/api/board",
    "/api/refined",
    "/api/aim",
    "/api/picture",
    "/api/spec",
)
METHODS = ("GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", "\x00", "M" * 300)
TARGETS = (
    "*",
    "//",
    "/../../etc/passwd",
    "/%00",
    "/%ff%fe",
    "/api/board?token=%80",
    "http://localhost/",
    "/" + "a" * 9000,
    "",
)
VERSIONS = ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/0.9", "HTTP/9", "http/1.1", "")
HEADERS = (
    "Host: elsewhere.example", "Host: [::1", "Host: localhost:99999999999", "Host:", "Origin: null",
    "Origin: http://localhost", "Origin: \xff", "Content-Length: -1", "Content-Length: 1e3", "Content-Length: 5, 6",
    "Content-Length: 99999999999999999999", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity", "Upgrade: websocket", "Upgrade: h2c", "Connection: Upgrade", "Connection: close",
    "Connection: keep-alive, , ,", "Expect: 100-continue", "Expect: 200-ok", "Cookie: a=b; ; =; c", "Cookie: \xe9=\xff",
    "Content-Type: text/plain", "Content-Type: application/json; charset=utf-7", "Content-Type: ;;;",
    "Content-Encoding: gzip", "Range: bytes=0-1,5-", "X: " + "x" * 20_000, " folded", ": no name", "no colon",
    "A\x00: b",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e308, 10**40, 2**63, float("nan"), float("inf"), -0.0, 5e-324, "", "0", "\ud800", "\x00",
    "é" * 500, [], [[]], {}, [None] * 50, {"": {}}, [[0, 0, 1]] * 5000, "x" * 15_000, "__class__", "mlp", "trim",
)  # fmt: skip


def request(dice: random.Random) -> bytes:
    """Return one random request. It may be incomplete, or no HTTP at all."""
    if dice.random() < 0.05:
        return dice.randbytes(dice.randrange(1, 200)) + b"\r\n\r\n"
    path, body = dice.choice(PATHS), b""
    method = "POST" if path.startswith("/api") else "GET"
    if method == "POST":
        body = _body(dice, path)
    if dice.random() < 0.1:
        method = dice.choice(METHODS)
    if dice.random() < 0.1:
        path = dice.choice(TARGETS)
    version = dice.choice(VERSIONS) if dice.random() < 0.1 else "HTTP/1.1"
    headers = ["Host: localhost"]
    if body:
        headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    for _ in range(dice.choice((0, 0, 0, 1, 1, 2, 3))):
        at = dice.randrange(len(headers) + 1)
        headers[at : at + dice.randrange(2)] = [dice.choice(HEADERS)]
    content = "\r\n".join([f"{method} {path} {version}", *headers, "", ""]).encode("latin-1") + body
    return _damaged(content, dice) if dice.random() < 0.2 else content


def _body(dice: random.Random, path: str) -> bytes:
    if dice.random() < 0.05:
        deep = dice.choice((10, 900, 1100, 8000))
        return b'{"board": ' + dice.choice((b"[", b'{"a":')) * dice.choice((deep, deep // 2))
    board: dict[str, Any] = {
        "data": dice.choice(("moons", "blobs")), "model": dice.choice(("MLPClassifier", "SGDClassifier")),
        "seed": dice.choice((None, 1)), "points": [[0.5, dice.choice((0, 0.5)), 1]] * dice.randrange(3),
        "calls": dice.choice((0, 3, 15)), "defence": dice.choice(("none", "none", "trim")),
    }  # fmt: skip
    body: dict[str, Any] = {"board": board}
    if path == "/api/aim":
        body |= {"at": [0.0, dice.choice((0, 4, 1))], "count": dice.choice((1, 5, 0))}
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        where = dice.choice((board, board, board, body))
        where[dice.choice((*where, "extra", "__init__", "\ud800"))] = dice.choice(ODD)
    return json.dumps(body).encode()


def _damaged(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randrange(1, 5)):
        at, length = dice.randrange(len(changed) + 1), dice.randrange(1, 9)
        match dice.randrange(4):
            case 0:
                changed[at : at + length] = dice.randbytes(length)
            case 1:
                del changed[at : at + length]
            case 2:
                changed[at:at] = changed[at : at + dice.randrange(1, 200)] * dice.randrange(1, 4)
            case _:
                changed[at:at] = dice.choice((b"\r\n", b"\n", b"\0", b"\xff", b"  ", b"\r\n\r\n"))
    return bytes(changed)
