"""Calls of a library that may never return: they have a time limit, and Ctrl-C ends them."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Call a function in a thread, and return its result.

    Args:
        seconds: the time limit. The thread is then left alone; it does not keep the process alive.
        call: the function.
        arguments: its arguments.
        options: its keyword arguments.

    Raises:
        TimeoutError: it does not return in time.

    >>> within(60, max, 1, 2)
    2
    """
    results, errors = list[T](), list[BaseException]()

    def run() -> None:
        try:
            results.append(call(*arguments, **options))
        except BaseException as error:  # noqa: BLE001 - raised by the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="request of the store", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"there was no answer within {seconds:.0f} seconds")
    return results[0]
