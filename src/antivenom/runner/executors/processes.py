"""Running cells in several processes on this machine."""

import multiprocessing
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from pathlib import Path
from typing import Any

import torch

from antivenom.errors import RunError, SettingsError, WriteError
from antivenom.own_code import own_folders, safe_children, take_over
from antivenom.runner.events import CellStarted, OnEvent
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.data_cache import DataCache
from antivenom.runner.executors.event_pipe import EventPipe, event_pipe, send
from antivenom.runner.executors.executor import Outcome, Work, failed
from antivenom.runner.executors.order import CellQueue
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe_fields, is_live
from antivenom.stopping import end_workers, in_worker, prepare_worker, signals_for_parent_only
from antivenom.storage.store import Store

CELLS_WAITING = 1
"""The number of cells that are sent ahead, so that no process waits for its next cell."""

MOST_DEATHS = 3
DIED = (
    "The worker process died {count} times while it ran this cell. It may have run out of memory. "
    "Use fewer rows, a smaller model or fewer workers."
)
POLL_SECONDS = 0.2
NO_GUARD = (
    "Processes cannot start its workers: each worker first runs your script, and the script starts workers again. "
    'Put the code of your script below `if __name__ == "__main__":`.'
)

CACHE = DataCache()
"""The data sets of a worker. Its cells share them."""

EVENTS: list[Connection] = []
"""The pipe of a worker's events, as its last entry."""


@dataclass(frozen=True)
class Processes:
    """Runs several cells at the same time, each in its own process. The processes divide the threads among them.

    A process receives a cell as its spec, so nothing large is copied. If a process dies, it is replaced, and its cells
    are run again. With a store, cells that share a stage compute it once.

    Args:
        workers: the number of processes. If omitted, one for each core.
    """

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise SettingsError([f"workers must be at least 1; got {self.workers}."])

    def threads(self, cells: Mapping[str, ExperimentSettings]) -> dict[str, int]:
        """Return the number of threads of each process, for each cell."""
        return dict.fromkeys(cells, max(1, torch.get_num_threads() // self._count(len(cells))))

    def run(self, work: Work, on_event: OnEvent) -> Iterator[Outcome]:
        """Run every cell, and yield the outcome of each when it has finished. A failed cell does not stop the others.

        Raises:
            SettingsError: a cell contains an object made in Python, which cannot be sent to another process.
            RunError: the script does not have `if __name__ == "__main__":`.
            WriteError: a disk is full or read-only, or processes cannot be started.
        """
        specs = plain_specs(work.cells, "a process")
        if not specs:
            return
        context = multiprocessing.get_context("spawn")
        with safe_children(), event_pipe(context) as events:
            _require_guard(context)
            threads = min((work.threads or self.threads(work.cells)).values())
            pool = _Pool(self._count(len(specs)), threads, context, work, specs, on_event)
            yield from pool.run(events)
            events.finish(on_event)

    def _count(self, cells: int) -> int:
        return min(self.workers or os.cpu_count() or 1, max(1, cells))


class _Pool:
    """The processes of a run. They are started again if one of them dies."""

    def __init__(
        self,
        count: int,
        threads: int,
        context: SpawnContext,
        work: Work,
        specs: dict[str, dict[str, Any]],
        on_event: OnEvent,
    ) -> None:
        self._count, self._threads, self._context = count, threads, context
        self._work, self._specs, self._on_event = work, specs, on_event
        self._queue = CellQueue(work.cells)
        self._suspects: list[str] = []  # they were running when a process died; each is tried again alone
        self._deaths: dict[str, int] = {}

    def run(self, events: EventPipe) -> Iterator[Outcome]:
        """Yield the outcomes of all cells."""
        while self._queue or self._suspects:
            others = multiprocessing.active_children()
            begin = list(sys.path), own_folders(), self._threads, events.end_for_workers
            pool = ProcessPoolExecutor(self._count, self._context, _begin, begin)
            try:
                yield from self._until_death(pool, events)
            except BaseException as error:
                if not isinstance(error, Exception):  # the run was stopped: its workers need not finish their cells
                    end_workers(others)
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _until_death(self, pool: ProcessPoolExecutor, events: EventPipe) -> Iterator[Outcome]:
        """Yield outcomes until all cells have finished, or until a process dies."""
        running: dict[Future[None], str] = {}
        full: WriteError | None = None
        while True:
            while full is None and (name := self._next(running.values())) is not None:
                try:
                    running[self._submit(pool, name)] = name
                except BrokenProcessPool:
                    yield from self._blame(name)
                    break
            if not running:
                break
            done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            events.pass_on(self._on_event)
            if any(isinstance(each.exception(), BrokenProcessPool) for each in done):
                yield from self._after_death(running)
                return
            for each in done:
                name, error = running.pop(each), each.exception()
                self._queue.finish(name)
                if isinstance(error, WriteError):
                    full = error
                else:
                    yield Outcome(name) if error is None else failed(name, error)
        events.pass_on(self._on_event)
        if full is not None:
            raise full

    def _next(self, running: Collection[str]) -> str | None:
        """Return the cell to start now, if any. A suspect runs alone: then it is certain which cell ends a process."""
        if any(name in self._deaths for name in running):
            return None
        if self._suspects:
            return None if running else self._suspects.pop(0)
        return self._queue.next(running) if len(running) < self._count + CELLS_WAITING else None

    def _after_death(self, running: dict[Future[None], str]) -> Iterator[Outcome]:
        """Yield the outcomes of the cells that had finished, and put the others back."""
        for future, name in running.items():
            error = future.exception()
            if error is None:
                self._queue.finish(name)
                yield Outcome(name)
                continue
            if isinstance(error, WriteError):
                raise error
            if isinstance(error, BrokenProcessPool):
                yield from self._blame(name)
            else:
                yield failed(name, error)

    def _blame(self, name: str) -> Iterator[Outcome]:
        """Put a cell back that was running when a process died. Yield its failure if that happened too often."""
        self._deaths[name] = self._deaths.get(name, 0) + 1
        if self._deaths[name] < MOST_DEATHS:
            self._suspects.append(name)
        else:
            yield failed(name, RunError(DIED.format(count=MOST_DEATHS)))

    def _submit(self, pool: ProcessPoolExecutor, name: str) -> "Future[None]":
        work = self._work
        store = None if work.store is None else work.store.address
        with signals_for_parent_only():
            return pool.submit(
                in_worker,
                _run,
                name,
                self._specs[name],
                work.folder / name,
                store,
                work.device,
                work.keys.get(name),
            )


def _require_guard(context: SpawnContext) -> None:
    """Start a process that does nothing, to see whether the script lets workers start.

    Raises:
        RunError: the process runs the script from the beginning and reaches this line again.
        WriteError: no process can be started.
    """
    if "_inheriting" in vars(multiprocessing.current_process()):  # set by multiprocessing
        raise RunError(NO_GUARD)
    process = context.Process(target=prepare_worker)
    try:
        with signals_for_parent_only():
            process.start()
    except OSError as error:
        raise WriteError(f"The worker processes cannot be started: {error.strerror or error}.") from error
    process.join()
    if process.exitcode and process.exitcode > 0:  # a process that was killed has a negative one
        raise RunError(NO_GUARD)


def _begin(path: list[str], folders: list[Path], threads: int, events: Connection) -> None:
    prepare_worker()
    take_over(path, folders)
    torch.set_num_threads(threads)
    EVENTS.append(events)


def _run(name: str, spec: dict[str, Any], folder: Path, store: str | None, device: str, key: str | None) -> None:
    on_event = partial(send, EVENTS[-1])
    on_event(CellStarted(name))
    experiment = make_experiment(
        spec, ExperimentSettings, allow_code=True
    )  # the caller allowed code, or the spec names none
    stages = Stages(None if store is None else Store(store), choose_device(device), name, on_event, cache=CACHE)
    run_cell(experiment, folder, stages, key)


def plain_specs(cells: Mapping[str, ExperimentSettings], place: str) -> dict[str, dict[str, Any]]:
    """Return the spec of each cell, which can be sent to another process.

    Raises:
        SettingsError: cells contain objects made in Python, which cannot be sent.
    """
    specs = {name: describe_fields(experiment) for name, experiment in cells.items()}
    problems = [
        f"{name} contains an object made in Python, which cannot be sent to {place}. Use executor=Serial()."
        for name, spec in specs.items()
        if is_live(spec)
    ]
    if problems:
        raise SettingsError(problems)
    return specs
