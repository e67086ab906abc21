"""The events of workers, over one pipe.

Each event is written in one piece that the system does not divide. So workers need no lock, and one that is killed
leaves neither half an event nor a lock that the others wait for. There is no further process that could be killed.
"""

import queue
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.reduction import ForkingPickler

from antivenom.runner.events import Event, OnEvent, Trained

LARGEST = getattr(select, "PIPE_BUF", 512) - 4
"""The largest event in bytes: a pipe takes it and its length of 4 bytes in one piece. Larger ones are left out."""

SECONDS_FOR_LAST = 10.0
"""The longest wait for the last events."""


class EventPipe:
    """Reads the events of workers in a thread of its own, so that no worker waits for this process.

    Attributes:
        end_for_workers: what workers write to, with `send`.
    """

    def __init__(self, reader: Connection, end_for_workers: Connection) -> None:
        self._reader, self.end_for_workers = reader, end_for_workers
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, name="events", daemon=True)
        self._thread.start()

    def pass_on(self, on_event: OnEvent) -> None:
        """Call a function with every event that has arrived."""
        with suppress(queue.Empty):
            while True:
                on_event(self._events.get_nowait())

    def finish(self, on_event: OnEvent) -> None:
        """Call a function with the last events. All workers must have ended."""
        self.close()
        self._thread.join(SECONDS_FOR_LAST)
        self.pass_on(on_event)

    def close(self) -> None:
        """Close this process's end. The thread ends when all workers have ended."""
        self.end_for_workers.close()

    def _read(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._events.put(ForkingPickler.loads(self._reader.recv_bytes()))
        self._reader.close()


@contextmanager
def event_pipe(context: SpawnContext) -> Iterator[EventPipe]:
    """Yield a pipe for the events of workers."""
    pipe = EventPipe(*context.Pipe(duplex=False))
    try:
        yield pipe
    finally:
        pipe.close()


def send(end: Connection, event: Event) -> None:
    """Send an event from a worker. Only progress is lost if it is too large, or if the receiver has ended."""
    if isinstance(event, Trained):  # classifiers are not sent
        event = replace(event, epoch=replace(event.epoch, classifier=None))
    content = bytes(ForkingPickler.dumps(event))
    if len(content) <= LARGEST:
        with suppress(OSError):
            end.send_bytes(content)
