"""A sweep that was stopped, or in which cells failed, goes on without computing anything twice."""

from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import CellsFailedError, RunError, SettingsError
from antivenom.runner import Store, Sweep
from antivenom.runner.events import CellFailed, CellFinished, Finished
from antivenom.runner.results.failures import read_failures
from tests.helpers.breaking import breaking_sweep


def events_of(sweep: Sweep, out: Path, **options: Any) -> list[Any]:
    """Run a sweep without a store, and return its events."""
    events: list[Any] = []
    sweep.run(out=out, progress=False, on_event=events.append, **options)
    return events


def test_finished_cells_are_not_run_again(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.rate", 0.1, 0.2, 0.3)
    first, *others = sweep.cells
    events_of(sweep, tmp_path, only=[first])
    before = (tmp_path / "cells" / first / "metrics.json").stat().st_mtime_ns
    events = events_of(sweep, tmp_path)
    assert {event.cell for event in events if isinstance(event, Finished) and event.stage != "prepare"} == {*others}
    assert [event.cell for event in events if isinstance(event, CellFinished) and event.kept] == [first]
    assert (tmp_path / "cells" / first / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("file", ["metrics.json", "victim.safetensors", "manifest.json"])
def test_a_cell_with_a_changed_file_is_run_again(tmp_path: Path, file: str) -> None:
    sweep = breaking_sweep("attack.rate", 0.1, 0.2)
    events_of(sweep, tmp_path)
    changed = tmp_path / "cells" / next(iter(sweep.cells)) / file
    good = changed.read_bytes()
    changed.write_bytes(good.replace(good[-9:], b"x" * 9))
    events = events_of(sweep, tmp_path)
    assert len([event for event in events if isinstance(event, CellFinished) and not event.kept]) == 1
    if file != "manifest.json":  # it contains wall times
        assert changed.read_bytes() == good


def test_after_a_failed_cell_the_others_go_on_and_only_a_retry_runs_it_again(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.how", "raises", "not at all")
    failing, working = sweep.cells
    with pytest.raises(CellsFailedError, match=r"1 of 2 cells failed.*1-how-raises: .*--retry-failed"):
        events_of(sweep, tmp_path)
    assert read_failures(tmp_path)[failing].error == "ComponentError"
    assert "breaking.py" in read_failures(tmp_path)[failing].trace
    assert (tmp_path / "table.csv").read_text().count(working) == 1
    for retry, stages in ((False, 0), (True, 1)):
        events: list[Any] = []
        with pytest.raises(CellsFailedError):
            sweep.run(out=tmp_path, progress=False, on_event=events.append, retry_failed=retry)
        assert len([event for event in events if isinstance(event, Finished) and event.stage == "prepare"]) >= stages
        assert [event.cell for event in events if isinstance(event, CellFailed)] == [failing]
    assert read_failures(tmp_path).keys() == {failing}


def test_shards_divide_the_cells_and_write_one_folder(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.rate", 0.1, 0.15, 0.2)
    store = Store(tmp_path / "store")
    sweep.run(out=tmp_path / "whole", store=store, progress=False)
    for shard in ((1, 2), (2, 2)):
        sweep.run(out=tmp_path / "parts", store=store, shard=shard, progress=False)
    one, other = (tmp_path / name / "table.csv" for name in ("whole", "parts"))
    assert one.read_bytes() == other.read_bytes()
    with pytest.raises(RunError, match=r"another spec. Shards must have the same spec"):
        breaking_sweep("attack.rate", 0.1, 0.2).run(out=tmp_path / "parts", shard=(1, 2), progress=False)


def test_nonsense_is_refused(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.rate", 0.1, 0.2)
    with pytest.raises(SettingsError, match=r"shard must be i/n with 1 <= i <= n; got 3/2"):
        sweep.run(out=tmp_path, shard=(3, 2), progress=False)
    with pytest.raises(SettingsError, match=r"only: there is no cell '1-rate-0.2'. Did you mean"):
        sweep.run(out=tmp_path, only=["1-rate-0.2"], progress=False)
    assert not (tmp_path / "spec.yaml").exists()
