"""Cells in several processes of this machine."""

import multiprocessing
import os
import queue
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from antivenom.errors import RunError, SettingsError
from antivenom.runner.events import Event, OnEvent, Trained
from antivenom.runner.executors.cell import run_cell
from antivenom.runner.executors.executor import Work
from antivenom.runner.executors.held_data import HeldData
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.spec.loading import make_experiment
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe_fields, is_live
from antivenom.storage.store import Store

CELLS_WAITING_PER_WORKER = 2
POLL_SECONDS = 0.2

HELD = HeldData()
"""A worker's own data sets: its cells share them."""


@dataclass(frozen=True)
class Processes:
    """Several cells at once, each in a process of its own. Threads are shared out among the processes.

    A cell travels as its spec, so that nothing large is copied. Cells that share a stage may compute it twice.

    Args:
        workers: how many processes; one a core where left out.
    """

    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise SettingsError([f"workers must be at least 1; got {self.workers}."])

    def run(self, work: Work, on_event: OnEvent) -> Iterator[str]:
        """Run every cell; names come in the order in which cells are done.

        Raises:
            SettingsError: a cell holds something made in Python, which cannot travel.
            RunError: a process died.
        """
        specs = {name: _plain(name, experiment) for name, experiment in work.cells.items()}
        count = min(self.workers or os.cpu_count() or 1, max(1, len(specs)))
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager:
            events = manager.Queue()
            threads = max(1, torch.get_num_threads() // count)
            pool = ProcessPoolExecutor(count, context, _begin, (list(sys.path), threads))
            try:
                yield from _all(pool, specs, work, events, on_event, count * (1 + CELLS_WAITING_PER_WORKER))
            except BrokenProcessPool as error:
                raise RunError(
                    "A worker process died, perhaps for lack of memory. Finished stages are kept: run the same again, "
                    "with fewer workers."
                ) from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _all(
    pool: ProcessPoolExecutor, specs: dict[str, dict[str, Any]], work: Work, events: Any, on_event: OnEvent, most: int
) -> Iterator[str]:
    """Keep a bounded number of cells in flight."""
    left, running = iter(specs.items()), set[Future[str]]()
    while True:
        while len(running) < most and (item := next(left, None)) is not None:
            name, spec = item
            store = None if work.store is None else work.store.folder
            running.add(pool.submit(_run, name, spec, work.folder / name, store, work.device, events))
        if not running:
            break
        done, running = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        _drain(events, on_event)
        for each in done:
            yield each.result()
    _drain(events, on_event)


def _drain(events: Any, on_event: OnEvent) -> None:
    while True:
        try:
            on_event(events.get_nowait())
        except queue.Empty:
            return


def _begin(path: list[str], threads: int) -> None:
    sys.path[:] = path
    torch.set_num_threads(threads)


def _run(name: str, spec: dict[str, Any], folder: Path, store: Path | None, device: str, events: Any) -> str:
    def send(event: Event) -> None:
        if isinstance(event, Trained):  # a classifier does not travel
            event = replace(event, epoch=replace(event.epoch, classifier=None))
        events.put(event)

    experiment = make_experiment(spec, ExperimentSettings, allow_code=True)  # the caller allowed it, or it names none
    stages = Stages(None if store is None else Store(store), choose_device(device), name, send, held=HELD)
    return run_cell(name, experiment, folder, stages)


def _plain(name: str, experiment: ExperimentSettings) -> dict[str, Any]:
    spec = describe_fields(experiment)
    if is_live(spec):
        raise SettingsError([f"{name} holds something made in Python, which no other process has. Run it serially."])
    return spec
