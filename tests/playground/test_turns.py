"""Work waits for a bounded time, and ends when its visitor leaves."""

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")

from antivenom.playground import server as server_module  # noqa: E402
from antivenom.playground.board import Board, aim, path_of, start_of  # noqa: E402
from antivenom.playground.turns import BusyError, StoppedError, Turn, stop_if_left  # noqa: E402
from tests.helpers.playground import FIVE, HANGING, running, wait_until  # noqa: E402


async def staying() -> None:
    await asyncio.sleep(HANGING)


async def leaving() -> None:
    await asyncio.sleep(0.05)


def endless(begun: threading.Event, ended: threading.Event) -> None:
    begun.set()
    try:
        while True:
            stop_if_left()
            time.sleep(0.01)
    except StoppedError:
        ended.set()
        raise


@pytest.mark.parametrize(("left", "error", "seconds"), [(leaving, StoppedError, HANGING), (staying, BusyError, 0.2)])
def test_work_ends_without_its_visitor_or_its_time(left: Any, error: type[Exception], seconds: float) -> None:
    turn, begun, ended = Turn(seconds=seconds), threading.Event(), threading.Event()

    async def taken() -> int:
        with pytest.raises(error):
            await turn.take(lambda: endless(begun, ended), left())
        return await Turn(seconds=HANGING).take(lambda: 3, staying())

    assert asyncio.run(taken()) == 3
    assert turn.waiting == 0
    assert ended.wait(HANGING) or not begun.is_set()


def test_one_works_the_others_wait_and_further_ones_are_refused() -> None:
    going, computed = threading.Event(), []
    turn = Turn(seconds=HANGING, waiting=2)

    async def visits() -> None:
        first = asyncio.create_task(turn.take(lambda: going.wait(HANGING), staying()))
        gone = asyncio.create_task(turn.take(lambda: computed.append("gone"), leaving()))
        patient = asyncio.create_task(turn.take(lambda: computed.append("patient"), staying()))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await turn.take(lambda: computed.append("refused"), staying())
        with pytest.raises(StoppedError):
            await gone
        going.set()
        await asyncio.gather(first, patient)

    asyncio.run(visits())
    assert computed == ["patient"]


@pytest.mark.parametrize("step", ["start", "path", "aim"])
def test_the_steps_of_a_board_can_be_stopped(step: str) -> None:
    board = Board(points=FIVE, calls=3, seed=991)
    if step != "start":
        start_of(board.data, board.model, board.seed)
    steps = {
        "start": lambda: start_of("blobs", "SGDClassifier", 991),
        "path": lambda: path_of(Board(points=FIVE, seed=991), 100),
        "aim": lambda: aim(board, (0.0, 0.0)),
    }
    begun = threading.Event()

    def work() -> None:
        begun.set()
        time.sleep(0.3)
        steps[step]()

    async def left() -> None:
        while not begun.is_set():
            await asyncio.sleep(0.01)

    ended: list[BaseException | None] = []

    def noted() -> None:
        try:
            work()
            ended.append(None)
        except BaseException as error:
            ended.append(error)
            raise

    with pytest.raises(StoppedError):
        asyncio.run(Turn(seconds=HANGING).take(noted, left()))
    wait_until(lambda: bool(ended))
    assert isinstance(ended[0], StoppedError)


def test_a_visitor_who_closes_the_connection_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended = threading.Event(), threading.Event()
    monkeypatch.setattr(server_module, "refined", lambda _: endless(begun, ended))
    head = (
        b"POST /api/refined HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"
    )
    with running() as address:
        with socket.create_connection(("127.0.0.1", int(address.rstrip("/").rpartition(":")[2]))) as visitor:
            visitor.sendall(head + b'{"board": {}}')
            assert begun.wait(HANGING)
            assert not ended.is_set()
        assert ended.wait(HANGING)
