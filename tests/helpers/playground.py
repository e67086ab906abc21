"""The playground's server and page, and boards to show on it."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")
import uvicorn  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from antivenom.playground.board import Board  # noqa: E402
from antivenom.playground.connection import Limits, config_for  # noqa: E402
from antivenom.playground.server import make_app  # noqa: E402
from antivenom.runner.lesson import lesson_points  # noqa: E402

FIVE = tuple((x, y, 1) for x, y in lesson_points())
LESSON = Board(points=FIVE, calls=15)
HANGING = 600.0
"""Seconds after which something hangs, however busy the machine is."""


def client(**settings: Any) -> TestClient:
    return TestClient(make_app(seconds=HANGING, **settings), base_url="http://127.0.0.1:8760")


def plain(board: Board) -> dict[str, Any]:
    return json.loads(json.dumps({name: getattr(board, name) for name in Board.__dataclass_fields__}))


def wait_until(there: Callable[[], bool], otherwise: Callable[[], str] = lambda: "it never came") -> None:
    until = time.monotonic() + HANGING
    while not there():
        assert time.monotonic() < until, otherwise()
        time.sleep(0.05)


@contextmanager
def running(app: Any = None, **limits: Any) -> Iterator[str]:
    """The server, as it is served."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(config_for(app or make_app(seconds=HANGING), Limits(**limits)))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(HANGING)
