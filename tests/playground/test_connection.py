"""Connections whose visitor makes no progress are closed; other visitors are answered."""

import contextlib
import http.client
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from antivenom.playground.connection import Limits, config_for  # noqa: E402
from antivenom.playground.server import make_app  # noqa: E402
from tests.helpers.playground import HANGING, running, wait_until  # noqa: E402

HOST = b"Host: localhost\r\n"
POST = b"POST /api/scene HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
GET = b"GET /page.css HTTP/1.1\r\n" + HOST + b"\r\n"
SHORT = {"idle": 0.5, "request": 0.5, "writing": 0.5}


def port_of(address: str) -> int:
    return int(address.rstrip("/").rpartition(":")[2])


@contextlib.contextmanager
def visitor(address: str, sent: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port_of(address)), timeout=HANGING) as connection:
        connection.sendall(sent)
        yield connection


def everything(connection: socket.socket) -> bytes:
    """All bytes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            received += part
    return received


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def status(address: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(address), timeout=HANGING)
    connection.request("GET", "/page.css")
    with contextlib.closing(connection):
        return connection.getresponse().status


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        GET,
        GET + b"G",
        GET + GET + b"GET / HTTP/1.1\r\nHost:",
        POST + b"Content-Length: 5\r\n\r\n",
        POST + b"Content-Length: 5\r\n\r\n{",
        POST + b"Content-Length: 99999999999999\r\n\r\n{",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"POST /absent HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n1\r\na\r\n",
        GET.replace(b"1.1", b"1.0"),
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + HOST + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"CONNECT example.org:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 100_000,
    ],
)
def test_connections_without_progress_are_closed(sent: bytes) -> None:
    with running(**SHORT) as address, visitor(address) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        everything(connection)  # returns when the server closes the connection
        assert status(address) == 200


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nX: ", GET + b"GET / HTTP/1.1\r\nX: ", POST + b"Content-Length: 9999\r\n\r\n"]
)
def test_single_bytes_do_not_extend_the_time_of_a_request(head: bytes) -> None:
    with running(idle=HANGING, request=0.5) as address, visitor(address, head) as connection:
        until = time.monotonic() + HANGING
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                connection.sendall(b" ")
                time.sleep(0.05)
        assert time.monotonic() < until, "the connection was kept"


def test_a_late_request_is_told_so() -> None:
    with running(request=0.2) as address, visitor(address, POST + b"Content-Length: 5\r\n\r\n{") as connection:
        received = everything(connection)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert received.endswith(b"The request did not arrive in 0.2 seconds.")


def test_a_request_after_a_pause_is_answered() -> None:
    with running(idle=HANGING, request=0.5) as address, visitor(address, GET) as connection:
        connection.recv(1 << 16)
        time.sleep(1)  # longer than a request may take
        connection.sendall(GET[:20])
        time.sleep(0.05)
        connection.sendall(GET[20:].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert b"200 OK" in everything(connection)


def test_a_visitor_who_does_not_read_is_closed() -> None:
    async def large(request: Request) -> Response:
        return Response(b"x" * (32 << 20))

    app, sent = Starlette(routes=[Route("/", large)]), b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    with running(app, idle=HANGING, writing=0.5) as address, visitor(address, sent) as connection:
        time.sleep(2)
        assert len(everything(connection)) < 32 << 20
    with running(app, idle=0.5, writing=HANGING) as address, visitor(address, sent) as connection:
        time.sleep(2)
        assert len(everything(connection)) > 32 << 20


def test_too_many_bytes_close_the_connection() -> None:
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    for path in (b"/api/scene", b"/absent"):
        head = b"POST " + path + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
        with (
            running(request=HANGING, idle=HANGING, received=1 << 16) as address,
            visitor(address, head) as connection,
            pytest.raises(ConnectionError),
        ):
            for _ in range(100_000):
                connection.sendall(chunk)


def test_requests_without_end_close_the_connection() -> None:
    with running(requests=10, idle=HANGING) as address, visitor(address, GET * 30) as connection:
        received = everything(connection)
    assert received.count(b"HTTP/1.1 200 OK") == 10
    assert received.count(b"connection: close") == 1


def test_new_visitors_replace_the_oldest() -> None:
    long = {"idle": HANGING, "request": HANGING, "writing": HANGING}
    with running(connections=8, **long) as address, contextlib.ExitStack() as stack:
        held = [stack.enter_context(visitor(address, sent)) for sent in (b"", GET, GET + b"G", POST) * 10]
        for _ in range(20):
            assert status(address) == 200
        wait_until(lambda: sum(map(is_closed, held)) >= 32)


def test_a_server_closes_no_handler_of_its_process() -> None:
    closed: list[bool] = []

    class Own(logging.Handler):
        def close(self) -> None:
            closed.append(True)
            super().close()

    own = Own()
    config_for(make_app(seconds=HANGING), Limits())
    assert closed == []
    own.close()
    assert closed == [True]


def test_an_error_of_the_server_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: object, receive: object, send: object) -> None:
        raise ArithmeticError("as planned")

    with running(failing) as address, pytest.raises(HTTPError):
        urlopen(address)
    assert "as planned" in caplog.text


def test_a_response_after_garbage_leaves_no_traceback(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n" + HOST + b"\r\n"
    sent: Any = (
        b"POST /absent HTTP/1.1\r\n" + chunked + b"zz\r\n",
        b"GET / HTTP/1.1\r\n" + chunked + b"1\r\na\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: elsewhere\r\n\r\nzz\r\n",
    )
    with running(**SHORT) as address:
        for each in sent:
            with visitor(address, each[:-4]) as connection:
                time.sleep(0.1)
                with contextlib.suppress(ConnectionError):
                    connection.sendall(each[-4:])
                everything(connection)
            with visitor(address, each) as connection:
                everything(connection)
    assert capfd.readouterr().err == ""
    assert caplog.text == ""
