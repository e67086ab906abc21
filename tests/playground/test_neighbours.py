"""A small part of `python -m benchmarks.neighbours`."""

import asyncio
import os
import tempfile
import time

import pytest

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")

from benchmarks.misbehaving import KINDS, misbehaving  # noqa: E402
from benchmarks.neighbours import REQUESTED, Server, ask, fuzz  # noqa: E402

from tests.helpers.playground import HANGING, running  # noqa: E402


def test_an_honest_visitor_is_answered_among_connections_that_misbehave() -> None:
    limits = {"connections": 2 * len(KINDS), "idle": HANGING, "request": HANGING, "writing": HANGING}
    with running(**limits) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        with misbehaving(port, 4 * len(KINDS)):
            statuses = []
            for _ in range(15):
                statuses += [ask(port, method, path, 3)[0] for method, path in REQUESTED]
                time.sleep(0.2)
    assert set(statuses) == {"200"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_random_requests_are_answered_or_refused(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with running() as address, tempfile.TemporaryFile("w+") as errors:
        server = Server(int(address.rstrip("/").rpartition(":")[2]), os.getpid(), errors)
        result = asyncio.run(fuzz(server, 300, HANGING, HANGING))
    statuses = result["statuses"]
    assert isinstance(statuses, dict)
    assert statuses["200"] > 10
    assert statuses["400"] > 10
    assert not {"500", "no response"} & set(statuses), str(statuses)
    assert capfd.readouterr().err == ""
    assert caplog.text == ""
