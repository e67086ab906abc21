"""The server says what the library says, and takes no nonsense."""

import json
import socket
import sys
import threading
from typing import Any

import pytest
from typer.testing import CliRunner

from antivenom.cli import app
from antivenom.errors import AntivenomError

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")
import uvicorn  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from antivenom.playground import server as serving_module  # noqa: E402
from antivenom.playground.answer import answer, picture  # noqa: E402
from antivenom.playground.board import Board  # noqa: E402
from antivenom.playground.server import MOST_BYTES  # noqa: E402
from antivenom.playground.serving import serve  # noqa: E402
from antivenom.playground.turns import WAITING  # noqa: E402
from tests.helpers.playground import HANGING, LESSON, client, plain, wait_until  # noqa: E402


def test_the_server_says_what_the_library_says() -> None:
    with client() as page:
        told = page.post("/api/board", json={"board": plain(LESSON)}).json()
        assert told == json.loads(json.dumps(answer(LESSON)))
        assert page.post("/api/picture", json={"board": plain(LESSON)}).content == picture(LESSON)
        assert page.post("/api/spec", json={"board": plain(LESSON)}).text == LESSON.spec()
        answered = page.get("/")
        assert "script-src 'self'" in answered.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answered.headers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("board", b"", 400),
        ("board", b"[1]", 400),
        ("board", b"{" * 9000, 400),
        ("board", b'{"board": []}', 400),
        ("board", b'{"board": {"what": 1}}', 400),
        ("board", b'{"board": {"\\ud800": 1}}', 400),
        ("spec", b'{"board": {}}', 400),
        ("spec", b'{"board": {"calls": 3}}', 400),
        ("aim", b'{"board": {}, "at": [true, 0]}', 400),
        ("board", b'{"board": {"calls": "15"}}', 400),
        ("board", b'{"board": {"calls": 1e99}}', 400),
        ("board", b'{"board": {"points": [[NaN, 0, 1]]}}', 400),
        ("board", b'{"board": {"points": [[0, 0]]}}', 400),
        ("board", b" " * (MOST_BYTES + 1), 400),
        ("aim", b'{"board": {}}', 400),
        ("aim", b'{"board": {}, "at": [9, 9]}', 400),
        ("aim", b'{"board": {}, "at": [true, "x"]}', 400),
        ("aim", b'{"board": {}, "at": [0, 0], "count": 1000}', 400),
        ("absent", b"{}", 404),
    ],
)
def test_nonsense_is_answered_with_what_is_wrong(path: str, body: bytes, status: int) -> None:
    with client() as page:
        answered = page.post(f"/api/{path}", content=body, headers={"content-type": "application/json"})
        assert answered.status_code == status
        if status == 400:
            assert all(isinstance(problem, str) and len(problem) < 400 for problem in answered.json()["problems"])
        assert page.get("/api/board").status_code == 405


def test_other_pages_and_names_are_kept_out() -> None:
    good = {"board": {}}
    with client() as page:
        assert page.post("/api/scene", json=good).status_code == 200
        for kind, status in (("text/plain", 400), ("application/json; charset=utf-8", 200)):
            answered = page.post("/api/scene", content=json.dumps(good), headers={"content-type": kind})
            assert answered.status_code == status
        assert page.post("/api/scene", json=good, headers={"origin": "http://elsewhere.example"}).status_code == 403
        assert page.post("/api/scene", json=good, headers={"origin": "http://127.0.0.1:8760"}).status_code == 200
        assert page.get("/", headers={"host": "elsewhere.example:8760"}).status_code == 400
        for host in ("localhost:8760", "[::1]:8760", "[::1]", "127.0.0.1"):
            assert page.get("/", headers={"host": host}).status_code == 200, host
        assert page.get("/", headers={"host": ""}).status_code == 400
    with client(hosts=()) as page:
        assert page.get("/", headers={"host": "", "origin": "null"}).status_code == 403


def test_the_token_is_asked_for_once() -> None:
    with client(token="secret", hosts=()) as page:
        assert page.get("/").status_code == 401
        assert page.get("/page.js").status_code == 401
        assert page.get("/?token=wrong").status_code == 401
        assert page.get("/?token=schlüssel").status_code == 401
        first = page.get("/?token=secret", follow_redirects=False)
        assert (first.status_code, first.headers["location"]) == (303, "/"), "the token leaves the address"
        assert "HttpOnly" in first.headers["set-cookie"]
        assert page.get("/").status_code == 200
        assert page.post("/api/scene", json={"board": {}}).status_code == 200


def test_too_many_at_once_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()

    def slowly(board: Board) -> dict[str, Any]:
        going.wait(HANGING)
        return {}

    monkeypatch.setattr(serving_module, "refined", slowly)
    with client() as page:
        found: list[int] = []
        askers = [
            threading.Thread(target=lambda: found.append(page.post("/api/refined", json={"board": {}}).status_code))
            for _ in range(WAITING + 4)
        ]
        for asker in askers:
            asker.start()
        try:
            wait_until(lambda: 503 in found)
            assert page.post("/api/scene", json={"board": {}}).status_code == 200, "quick work has a turn of its own"
        finally:
            going.set()
        for asker in askers:
            asker.join(HANGING)
    assert sorted(set(found)) == [200, 503]


def test_names_by_which_the_page_is_asked_for() -> None:
    with client(hosts=("MyBox",)) as page:
        assert page.get("/", headers={"host": "mybox:80"}).status_code == 200
        assert page.get("/", headers={"host": "MYBOX"}).status_code == 200
        assert page.get("/").status_code == 400


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AntivenomError, match="Cannot listen"):
            serve("127.0.0.1", taken.getsockname()[1], (), on_listening=print)
    with pytest.raises(AntivenomError, match="Cannot listen"):
        serve("no such place", 0, (), on_listening=print)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_other_machines_need_a_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listening: list[str] = []
    addresses: list[str] = []

    def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        listening.extend(each.getsockname()[0] for each in sockets)
        with TestClient(server.config.app, base_url="http://127.0.0.1") as page:  # type: ignore[arg-type]
            for path in ("/", "/page.js", "/absent"):
                assert (page.get(path).status_code == 401) == ("token=" in addresses[0])
            if "token=" in addresses[0]:
                assert page.post("/api/scene", json={"board": {}}).status_code == 401
                assert page.get("/?" + addresses[0].partition("?")[2]).status_code == 200

    monkeypatch.setattr(uvicorn.Server, "run", run)
    serve(host, 0, (), on_listening=addresses.append)
    assert listening == [host]
    assert ("token=" in addresses[0]) == (host != "127.0.0.1")


def test_without_the_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(AntivenomError, match=r"pip install 'antivenom\[playground\]'"):
        CliRunner().invoke(app, ["playground", "--port", "0"], catch_exceptions=False)
