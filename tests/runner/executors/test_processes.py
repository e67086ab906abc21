"""Cells in several processes: the same numbers as in one, and clear errors where a cell or a process fails."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from antivenom.attacks import LabelFlip
from antivenom.data import Splits
from antivenom.errors import ComponentError, RunError, SettingsError
from antivenom.runner import Experiment, Processes, Store
from antivenom.runner.events import Finished, Planned, no_op
from antivenom.runner.executors.executor import Work
from antivenom.testing import toy_images
from tests.helpers.breaking import breaking_sweep

pytestmark = pytest.mark.slow  # each process loads torch

SAME = ("metrics.json", "repeats.json", "poison.npz", "victim.safetensors", "spec.yaml")


def test_two_workers_write_the_same_bytes_as_one_process(tmp_path: Path) -> None:
    sweep, events = breaking_sweep("attack.rate", 0.1, 0.2, 0.3), list[Any]()
    sweep.run(out=tmp_path / "serial", progress=False)
    store = Store(tmp_path / "store")
    sweep.run(out=tmp_path / "both", store=store, executor=Processes(workers=2), progress=False, on_event=events.append)
    for cell in sweep.cells:
        for file in SAME:
            one, other = (tmp_path / folder / "cells" / cell / file for folder in ("serial", "both"))
            assert one.read_bytes() == other.read_bytes(), (cell, file)
    assert (tmp_path / "serial/table.csv").read_bytes() == (tmp_path / "both/table.csv").read_bytes()
    fits = [event for event in events if isinstance(event, Finished) and event.stage.startswith("fit")]
    assert [event.trainings for event in events if isinstance(event, Planned)] == [len(fits)] == [6]


def test_a_cell_that_fails_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.how", "raises", "not at all", seeds=2)
    first, second, third, fourth = sweep.cells
    with pytest.raises(
        RunError,
        match=rf"2 of 4 cells failed.*{first}: ComponentError: .*: as planned .*traceback; {third}: ComponentError",
    ) as found:
        sweep.run(out=tmp_path / "out", executor=Processes(workers=2), progress=False)
    assert isinstance(found.value.__cause__, ComponentError)
    written = {folder.name for folder in (tmp_path / "out/cells").iterdir() if (folder / "metrics.json").is_file()}
    assert written == {second, fourth}


def test_a_killed_worker_is_replaced_and_the_cell_that_kills_it_is_named(tmp_path: Path) -> None:
    sweep = breaking_sweep("attack.how", "is killed", "not at all", "raises")
    with pytest.raises(RunError, match=r"2 of 3 cells failed.*1-how-is-killed: .*The worker process died 3 times"):
        sweep.run(out=tmp_path / "out", executor=Processes(workers=1), progress=False)
    written = [folder.name for folder in (tmp_path / "out/cells").iterdir() if (folder / "metrics.json").is_file()]
    assert written == ["2-how-not-at-all"]


def test_what_only_python_holds_does_not_travel(tmp_path: Path) -> None:
    live = Experiment(dataset=Splits(train=toy_images(20), test=toy_images(20)), attack=LabelFlip())
    with pytest.raises(SettingsError, match=r"a contains an object made in Python.*executor=Serial\(\)"):
        list(Processes(workers=2).run(Work({"a": live}, tmp_path, None, "cpu"), no_op))


def test_a_number_of_workers_is_at_least_one() -> None:
    with pytest.raises(SettingsError, match="workers must be at least 1; got 0"):
        Processes(workers=0)


SCRIPT = """
from antivenom.runner import Processes, load_spec

spec = {"dataset": "digits", "attack": "label_flip", "train_rows": 100, "grid": {"attack.rate": [0.1, 0.2]}}
load_spec(spec).run(out="out", executor=Processes(workers=2), progress=False)
"""


def test_a_script_without_a_guard_is_told_to_have_one(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1
    assert 'below `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
