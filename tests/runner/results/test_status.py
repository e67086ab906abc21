"""The state of a sweep, as another process sees it."""

from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import CellsFailedError, RunError
from antivenom.runner.events import CellFinished, Event, Finished
from antivenom.runner.results.status import Overview, overview_of
from tests.helpers.breaking import breaking_sweep


def test_a_sweep_is_seen_while_it_runs_and_afterwards(tmp_path: Path) -> None:
    seen: list[Overview] = []

    def look(event: Event) -> None:
        if isinstance(event, Finished) and event.stage == "fit control":
            seen.append(overview_of(tmp_path))

    sweep = breaking_sweep("attack.how", "not at all", "raises")
    working, failing = sweep.cells
    with pytest.raises(CellsFailedError):
        sweep.run(out=tmp_path, progress=False, on_event=look)
    assert (seen[0].cells, seen[0].finished, dict(seen[0].failed)) == ((working, failing), (), {})
    assert seen[0].processes[0].is_alive
    after = overview_of(tmp_path)
    assert after.finished == (working,)
    assert after.failed[failing].startswith("ComponentError: ")
    (process,) = after.processes
    assert (process.is_alive, process.todo, process.done, process.failed, process.running) == (False, 2, 1, 1, {})
    with pytest.raises(CellsFailedError):  # nothing is left to run: what is known already is not counted again
        sweep.run(out=tmp_path, progress=False)
    (process,) = overview_of(tmp_path).processes
    assert (process.todo, process.done, process.failed) == (0, 0, 0)


def test_each_shard_has_a_status_and_another_sweep_removes_them(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.rate", 0.1, 0.2)
    for number in (1, 2):
        sweep.run(out=tmp_path, shard=(number, 2), progress=False)
    assert [(each.todo, each.done) for each in overview_of(tmp_path).processes] == [(1, 1), (1, 1)]
    breaking_sweep("attack.rate", 0.3, 0.4).run(out=tmp_path, progress=False)
    assert [(each.todo, each.done) for each in overview_of(tmp_path).processes] == [(2, 2)]


@pytest.mark.parametrize(
    "content", ["{}}", '{"odd": 1}', '{"todo": "x"}', '{"running": 3}', "[1]", '{"renewed": null}', '{"seconds": [1]}']
)
def test_a_damaged_status_is_named(tmp_path: Path, content: str) -> None:
    breaking_sweep("attack.rate", 0.1, 0.2).run(out=tmp_path, progress=False)
    (tmp_path / "status.json").write_text(content)
    with pytest.raises(RunError, match=r"status\.json"):
        overview_of(tmp_path)


def test_a_process_that_ended_without_a_word_is_not_alive(tmp_path: Path) -> None:
    events: list[Any] = []
    breaking_sweep("attack.rate", 0.1, 0.2).run(out=tmp_path, progress=False, on_event=events.append)
    assert len([event for event in events if isinstance(event, CellFinished)]) == 2
    (process,) = overview_of(tmp_path).processes
    process.ended, process.renewed = False, process.renewed - 3600
    assert not process.is_alive
