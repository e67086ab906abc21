"""The end of a command before its work is done: Ctrl-C, SIGTERM and SIGHUP unwind the program as an exception does."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""The signals that stop a command. Windows has no SIGHUP."""


class Stopped(BaseException):
    """A signal has stopped the command. No `except Exception` catches it.

    Args:
        number: the number of the signal.
        advice: how to continue, as one sentence; empty if unknown.
    """

    def __init__(self, number: int = signal.SIGINT, advice: str = "") -> None:
        super().__init__(number, advice)
        self.number, self.advice = number, advice


@contextmanager
def stopped_by_signals(on_signal: Callable[[int], object] = int) -> Iterator[None]:
    """Raise `Stopped` when a signal arrives. Signals that the process ignores, as `nohup` asks for, stay ignored.

    After the first signal, SIGTERM and SIGHUP are ignored, so that they do not interrupt the removal of temporary
    files. A second Ctrl-C interrupts it.

    Args:
        on_signal: called with the number of the signal, before the exception is raised.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number in numbers if before[number] in (signal.SIG_DFL, signal.default_int_handler)]

    def stop(number: int, _: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else signal.SIG_IGN)
        on_signal(number)
        raise Stopped(number)

    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


@contextmanager
def advice_if_stopped(advice: str) -> Iterator[None]:
    """Give the advice how to continue to a `Stopped` that leaves the block. Ctrl-C becomes one.

    Raises:
        Stopped: a signal stopped the block.
    """
    try:
        yield
    except (Stopped, KeyboardInterrupt) as stop:
        raise Stopped(getattr(stop, "number", signal.SIGINT), advice) from None


@contextmanager
def signals_for_parent_only() -> Iterator[None]:
    """Start processes in this block: Ctrl-C and SIGHUP, which reach a whole group of processes, do not stop them.

    The parent stops them with `end_workers`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # a helper of multiprocessing; its start would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_workers(others: Collection[BaseProcess]) -> None:
    """End the child processes of this process, except some.

    Args:
        others: the processes that go on.
    """
    for child in multiprocessing.active_children():
        if child not in others:
            child.terminate()


def prepare_worker() -> None:
    """Let SIGTERM unwind this worker process, so that it removes its temporary files. End it with its parent."""

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    end_with_parent()


def in_worker(work: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a worker process. After SIGTERM, the process ends instead of waiting for more work."""
    try:
        return work(*arguments)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)


def end_with_parent() -> None:
    """End this process when the process that started it ends, however that ends.

    Otherwise, a worker would go on with its cell while the same run continues in other processes.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_for_end() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait_for_end, name="end with parent", daemon=True).start()
