"""Work in threads: the number and the time of waiting requests are limited, and a visitor who leaves stops the work."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from threading import Event
from typing import Any, TypeVar

WAITING = 32
"""The largest number of waiting requests of one kind. Further requests get status 503."""
SECONDS = 8.0
"""The longest time of a request in a queue and in computation, in seconds."""

Result = TypeVar("Result")
_STOP: ContextVar[Event | None] = ContextVar("stop", default=None)


class BusyError(Exception):
    """The queue is full, or the work takes too long."""


class StoppedError(Exception):
    """The visitor who asked for this work has left."""


class Turn:
    """A queue that does one piece of work at a time in a thread. At most `waiting` requests wait in it.

    Args:
        seconds: the longest time from the request to its result.
        waiting: the largest number of waiting requests.
    """

    def __init__(self, *, seconds: float = SECONDS, waiting: int = WAITING) -> None:
        self.seconds, self.most = seconds, waiting
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="playground")
        self.waiting = 0

    async def take(self, work: Callable[[], Result], left: Coroutine[Any, Any, None]) -> Result:
        """Wait, do the work and return its result.

        Args:
            work: the work. It calls `stop_if_left` between its steps.
            left: completes when the visitor leaves.

        Raises:
            BusyError: too many requests wait, or the work takes too long.
            StoppedError: the visitor has left.
        """
        leaving = asyncio.create_task(left)
        stop = Event()
        self.waiting += 1
        try:
            if self.waiting > self.most + 1:
                raise BusyError
            future = asyncio.get_running_loop().run_in_executor(self.thread, _stoppable, work, stop)
            waited_for: set[asyncio.Future[Any]] = {future, leaving}
            await asyncio.wait(waited_for, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                future.cancel()  # removes it from the queue
                raise StoppedError if leaving.done() else BusyError
            return future.result()
        finally:
            stop.set()
            leaving.cancel()
            self.waiting -= 1


def stop_if_left() -> None:
    """End the work of this thread if its visitor has left or it took too long.

    Raises:
        StoppedError: the result is not needed.

    >>> stop_if_left()
    """
    stop = _STOP.get()
    if stop is not None and stop.is_set():
        raise StoppedError


def _stoppable(work: Callable[[], Result], stop: Event) -> Result:
    token = _STOP.set(stop)
    try:
        return work()
    finally:
        _STOP.reset(token)
