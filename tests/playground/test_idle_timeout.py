"""Connections that say nothing."""

import socket

import pytest

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")

from antivenom.playground import idle_timeout  # noqa: E402
from tests.helpers.playground import HANGING, running  # noqa: E402


def test_silent_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_timeout, "SECONDS", 0.5)
    with running() as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        for said in (b"", b"GET / HT"):
            with socket.create_connection(("127.0.0.1", port), timeout=HANGING) as silent:
                silent.sendall(said)
                assert silent.recv(1) == b"", "a silent connection was kept"
