"""Running cells in several processes on this machine."""

import multiprocessing
import os
import queue
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import SpawnContext
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import torch

from antivenom.errors import RunError, SettingsError, WriteError
from antivenom.own_code import allow_folder, own_folders, safe_children
from antivenom.runner.events import Event, OnEvent, Trained
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.data_cache import DataCache
from antivenom.runner.executors.executor import Work
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe_fields, is_live
from antivenom.stopping import end_workers, in_worker, prepare_worker, signals_for_parent_only
from antivenom.storage.store import Store

CELLS_WAITING_PER_WORKER = 2
POLL_SECONDS = 0.2
NO_GUARD = (
    "Processes cannot start its workers: each worker first runs your script, and the script starts workers again. "
    'Put the code of your script below `if __name__ == "__main__":`.'
)

CACHE = DataCache()
"""The data sets of a worker. Its cells share them."""


@dataclass(frozen=True)
class Processes:
    """Runs several cells at the same time, each in its own process. The processes divide the threads among them.

    A process receives a cell as its spec, so nothing large is copied. With a store, cells that share a
    stage compute it once.

    Args:
        workers: the number of processes. If omitted, one for each core.
    """

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise SettingsError([f"workers must be at least 1; got {self.workers}."])

    def run(self, work: Work, on_event: OnEvent) -> Iterator[str]:
        """Run every cell, and yield names in the order in which cells finish. A failed cell does not stop the others.

        Raises:
            SettingsError: a cell contains an object made in Python, which cannot be sent to another process.
            RunError: cells failed, a process died, or the script does not have `if __name__ == "__main__":`.
        """
        specs = {name: _plain(name, experiment) for name, experiment in work.cells.items()}
        count = min(self.workers or os.cpu_count() or 1, max(1, len(specs)))
        context = multiprocessing.get_context("spawn")
        with safe_children(), _manager(context) as manager:
            events = manager.Queue()
            threads = max(1, torch.get_num_threads() // count)
            others = multiprocessing.active_children()
            pool = ProcessPoolExecutor(count, context, _begin, (list(sys.path), own_folders(), threads))
            try:
                yield from _all(pool, specs, work, events, on_event, count * (1 + CELLS_WAITING_PER_WORKER))
            except BrokenProcessPool as error:
                raise RunError(
                    "A worker process died. It may have run out of memory. Run the same again with fewer workers: "
                    "finished stages are kept in the store."
                ) from error
            except BaseException as error:
                if not isinstance(error, Exception):  # the run was stopped: its workers need not finish their cells
                    end_workers(others)
                raise
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _all(
    pool: ProcessPoolExecutor, specs: dict[str, dict[str, Any]], work: Work, events: Any, on_event: OnEvent, most: int
) -> Iterator[str]:
    """Run at most `most` cells at the same time. Failures are raised after all other cells have finished."""
    left, running = iter(specs.items()), dict[Future[str], str]()
    failed: dict[str, Exception] = {}
    while True:
        while len(running) < most and (item := next(left, None)) is not None:
            name, spec = item
            store = None if work.store is None else work.store.address
            with signals_for_parent_only():
                future = pool.submit(in_worker, _run, name, spec, work.folder / name, store, work.device, events)
            running[future] = name
        if not running:
            break
        done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        _drain(events, on_event)
        for each in done:
            name = running.pop(each)
            try:
                yield each.result()
            except BrokenProcessPool:
                raise
            except Exception as error:  # noqa: BLE001 - reported with the cell's name, after the other cells
                failed[name] = error
    _drain(events, on_event)
    if failed:
        in_order = {name: failed[name] for name in specs if name in failed}
        raise _failure(in_order, len(specs)) from next(iter(failed.values()))


def _failure(failed: dict[str, Exception], count: int) -> RunError:
    named = "; ".join(
        f"{name}: {type(error).__name__}: {str(error).removesuffix('.')}" for name, error in failed.items()
    )
    return RunError(
        f"{len(failed)} of {count} cells failed; the others were written. {named}. "
        "Correct the spec and run it again: finished stages are kept in the store."
    )


@contextmanager
def _manager(context: SpawnContext) -> Iterator[SyncManager]:
    """Start the first process, which has the queue of events.

    Raises:
        RunError: the process cannot start, because it runs the script from the beginning and reaches this line again.
    """
    if "_inheriting" in vars(multiprocessing.current_process()):  # set by multiprocessing
        raise RunError(NO_GUARD)
    manager = SyncManager(ctx=context)
    try:
        with signals_for_parent_only():
            manager.start(prepare_worker)
    except EOFError as error:
        raise RunError(NO_GUARD) from error
    except OSError as error:
        raise WriteError(f"The worker processes cannot be started: {error.strerror or error}.") from error
    with manager:
        yield manager


def _drain(events: Any, on_event: OnEvent) -> None:
    while True:
        try:
            on_event(events.get_nowait())
        except queue.Empty:
            return


def _begin(path: list[str], folders: list[Path], threads: int) -> None:
    prepare_worker()
    sys.path[:] = path
    for folder in folders:
        allow_folder(folder)
    torch.set_num_threads(threads)


def _run(name: str, spec: dict[str, Any], folder: Path, store: str | None, device: str, events: Any) -> str:
    def send(event: Event) -> None:
        if isinstance(event, Trained):  # classifiers are not sent
            event = replace(event, epoch=replace(event.epoch, classifier=None))
        events.put(event)

    experiment = make_experiment(
        spec, ExperimentSettings, allow_code=True
    )  # the caller allowed code, or the spec names none
    stages = Stages(None if store is None else Store(store), choose_device(device), name, send, cache=CACHE)
    return run_cell(name, experiment, folder, stages)


def _plain(name: str, experiment: ExperimentSettings) -> dict[str, Any]:
    spec = describe_fields(experiment)
    if is_live(spec):
        raise SettingsError(
            [f"{name} contains an object made in Python, which cannot be sent to a process. Use executor=Serial()."]
        )
    return spec
