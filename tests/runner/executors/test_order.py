"""The order of cells."""

from typing import Any

from antivenom.runner import Sweep, load_spec
from antivenom.runner.executors.order import CellQueue

BASE: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}, "model": {"name": "mlp"}}


def queue_of(grid: dict[str, list[Any]]) -> CellQueue:
    made = load_spec({**BASE, "grid": grid})
    assert isinstance(made, Sweep)
    return CellQueue(made.cells)


def test_the_second_worker_starts_a_cell_with_another_control() -> None:
    queue = queue_of({"attack.rate": [0.1, 0.2, 0.3], "seed": [0, 1]})
    first = queue.next([])
    assert first is not None and "seed-0" in first
    second = queue.next([first])
    assert second is not None and "seed-1" in second


def test_every_cell_starts_once() -> None:
    queue = queue_of({"attack.rate": [0.1, 0.2, 0.3], "seed": [0, 1, 2]})
    started: list[str] = []
    while (name := queue.next(started[-2:])) is not None:
        started.append(name)
        queue.finish(name)
    assert len(set(started)) == len(started) == 9
    assert len(queue) == 0


def test_cells_that_unblock_most_others_come_first() -> None:
    made = load_spec({**BASE, "grid": {"seed": [0, 1], "attack.rate": [0.1, 0.2]}})
    other = load_spec({**BASE, "seed": 9, "grid": {"attack.rate": [0.1]}})
    assert isinstance(made, Sweep) and isinstance(other, Sweep)
    alone = {f"alone {name}": each for name, each in other.cells.items()}
    first = CellQueue({**alone, **made.cells}).next([])
    assert first is not None and not first.startswith("alone")
