"""The status of a sweep that is running: a file in its folder, which other processes read."""

import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from antivenom.errors import RunError, WriteError
from antivenom.files.opening import exists
from antivenom.runner.events import CellFailed, CellFinished, CellStarted, Event, Finished, OnEvent, Planned, Started
from antivenom.runner.results.folder import STATUS_FILES
from antivenom.runner.results.sweep_folder import failures_of, finished_axes, planned_cells
from antivenom.storage.files import read_json, write_json

SECONDS_BETWEEN_WRITES = 2.0
STALE_SECONDS = 15.0
"""A status that was not renewed for this time comes from a process that has ended."""


@dataclass
class Status:
    """The state of a process that runs a sweep.

    Attributes:
        running: the stage of each running cell, by the cell's name.
        todo: the number of cells that this process was started for, without those that were finished already.
        done: the number of cells that it has finished.
        failed: the number of cells that failed.
        seconds: how long it has run.
        renewed: the time of the last writing, in seconds since 1970.
        process: the number of the process.
        machine: the name of the machine.
        ended: whether it has ended.
    """

    running: dict[str, str] = field(default_factory=dict)
    todo: int = 0
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    renewed: float = 0.0
    process: int = field(default_factory=os.getpid)
    machine: str = field(default_factory=platform.node)
    ended: bool = False

    @property
    def is_alive(self) -> bool:
        """True if the process still runs, as far as the file tells."""
        return not self.ended and time.time() - self.renewed < STALE_SECONDS

    @property
    def seconds_left(self) -> float | None:
        """The remaining time, estimated from the cells so far; None before the first."""
        count = self.done + self.failed
        return self.seconds / count * (self.todo - count) if count else None

    def take(self, event: Event) -> None:
        """Change the status by an event."""
        match event:
            case Planned():
                self.todo = len(event.cells)
            case CellStarted():
                self.running[event.cell] = "starting"
            case Started() if event.cell in self.running:
                self.running[event.cell] = f"repeat {event.repeat + 1}: {event.stage}"
            case Finished() if event.cell in self.running:
                self.running[event.cell] = f"repeat {event.repeat + 1}: after {event.stage}"
            case CellFinished() | CellFailed():
                self.running.pop(event.cell, None)
                self.done += isinstance(event, CellFinished) and not event.kept
                self.failed += isinstance(event, CellFailed) and not event.kept
            case _:
                pass


@dataclass(frozen=True)
class Overview:
    """A sweep, seen from outside: its cells, and the processes that run it.

    Args:
        cells: the names of all cells.
        finished: the names of the cells that are finished.
        failed: the message of each cell that failed.
        processes: the status of each process that has run the sweep.
    """

    cells: tuple[str, ...]
    finished: tuple[str, ...]
    failed: Mapping[str, str]
    processes: tuple[Status, ...]


@contextmanager
def reporting_status(folder: Path, name: str, on_event: OnEvent) -> Iterator[OnEvent]:
    """Yield a function that takes every event, keeps the status up to date, and passes the event to `on_event`.

    Args:
        folder: the sweep's folder. Nothing is written before the plan is known.
        name: the name of the file.
        on_event: called with every event.
    """
    status, began, stop = Status(), time.monotonic(), threading.Event()
    lock = threading.Lock()

    def write() -> None:
        with lock:
            status.seconds, status.renewed = time.monotonic() - began, time.time()
            content = asdict(status)
        write_json(folder / name, content)

    def renew() -> None:
        while not stop.wait(SECONDS_BETWEEN_WRITES):
            try:
                write()
            except (WriteError, RuntimeError):  # the run itself reports a full disk; a status may be missing
                continue

    thread = threading.Thread(target=renew, name="status", daemon=True)

    def take(event: Event) -> None:
        with lock:
            status.take(event)
        if isinstance(event, Planned):
            write()
            thread.start()
        on_event(event)

    try:
        yield take
    finally:
        stop.set()
        if thread.ident is not None:
            thread.join()
            status.ended, status.running = True, {}
            _last(write)


def overview_of(folder: Path) -> Overview:
    """Return the state of a sweep, also while it runs.

    Raises:
        RunError: the folder is not a sweep, or its files are damaged.
    """
    planned = planned_cells(folder)
    finished = finished_axes(folder, planned)
    failures = failures_of(folder, planned, finished)
    failed = {name: f"{each.error}: {each.message}" for name, each in failures.items()}
    processes = tuple(_read(file) for file in sorted(folder.glob(STATUS_FILES)))
    return Overview(tuple(planned), tuple(finished), failed, processes)


def _last(write: Callable[[], None]) -> None:
    try:
        write()
    except WriteError:  # a full disk is reported by the run itself
        return


def _read(file: Path) -> Status:
    content: Any = read_json(file) if exists(file) else {}
    try:
        status = Status(**content)
    except TypeError as error:
        raise RunError(f"{file} is damaged. Remove it.") from error
    numbers = (status.todo, status.done, status.failed, status.seconds, status.renewed, status.process)
    if not all(isinstance(each, int | float) for each in numbers) or not isinstance(status.running, dict):
        raise RunError(f"{file} is damaged. Remove it.")
    return status
