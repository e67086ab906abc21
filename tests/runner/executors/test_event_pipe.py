"""The pipe that brings the events of workers."""

import multiprocessing
import os
import signal
import time
from typing import Any

import pytest

from antivenom.models import MLP
from antivenom.rng import Rng
from antivenom.runner.events import CellFailed, CellStarted, Event, Started, Trained
from antivenom.runner.executors.event_pipe import event_pipe, send
from antivenom.training import Epoch

CONTEXT = multiprocessing.get_context("spawn")


def arrived(count: int) -> Any:
    """Send events from this process, and return those that arrive."""
    events: list[Event] = []
    with event_pipe(CONTEXT) as pipe:
        for number in range(count):
            send(pipe.end_for_workers, Started(f"cell-{number}", 0, "fit victim"))
        pipe.finish(events.append)
    return events


def test_many_events_arrive_in_order() -> None:
    assert [each.cell for each in arrived(5000)] == [f"cell-{number}" for number in range(5000)]


def test_classifiers_stay_in_the_worker_and_large_events_are_left_out() -> None:
    events: list[Any] = []
    net = MLP().build(input_shape=(1, 2, 2), classes=2, bounds=(0, 1), rng=Rng(0))
    epoch = Epoch(number=1, of=2, loss=0.5, seconds=1.0, classifier=net)
    with event_pipe(CONTEXT) as pipe:
        send(pipe.end_for_workers, Trained("a", 0, "fit", epoch))
        send(pipe.end_for_workers, CellFailed("b", "Error", "x" * 100_000, ""))
        send(pipe.end_for_workers, CellStarted("c"))
        pipe.finish(events.append)
    assert [type(each) for each in events] == [Trained, CellStarted]
    assert events[0].epoch.classifier is None


def test_a_worker_outlives_the_receiver() -> None:
    with event_pipe(CONTEXT) as pipe:
        end = pipe.end_for_workers
        pipe.finish(lambda _: None)
    send(end, CellStarted("nobody hears it"))


def send_for_ever(end: Any) -> None:
    while True:
        send(end, CellStarted("x" * 300))


@pytest.mark.slow
def test_killed_workers_leave_neither_half_an_event_nor_a_lock() -> None:
    events: list[Any] = []
    with event_pipe(CONTEXT) as pipe:
        workers = [CONTEXT.Process(target=send_for_ever, args=(pipe.end_for_workers,)) for _ in range(2)]
        for worker in workers:
            worker.start()
        while len(events) < 1000:
            pipe.pass_on(events.append)
            time.sleep(0.01)
        for worker in workers:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
        send(pipe.end_for_workers, CellStarted("last"))
        pipe.finish(events.append)
    assert {each.cell for each in events} == {"x" * 300, "last"}
    assert events[-1].cell == "last"
