"""Cells as tasks of Ray: the same bytes as in one process, also after a lost worker or driver."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import CellsFailedError, RunError, SettingsError
from antivenom.runner import Ray, Store
from antivenom.runner.events import Finished
from tests.helpers.breaking import breaking_sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: antivenom[ray]"),
]


def test_ray_writes_the_same_bytes_and_one_failing_or_killed_cell_does_not_stop_the_others(tmp_path: Path) -> None:
    sweep, events = breaking_sweep("attack.how", "not at all", "raises", "is killed"), list[Any]()
    with pytest.raises(CellsFailedError, match=r"2 of 3 cells failed.*ComponentError.*The worker was lost 4 times"):
        sweep.run(
            out=tmp_path / "ray",
            store=Store(tmp_path / "store"),
            executor=Ray(workers=2),
            progress=False,
            on_event=events.append,
        )
    good = next(iter(sweep.cells))
    sweep.run(out=tmp_path / "serial", only=[good], progress=False)
    for file in ("metrics.json", "poison.npz", "victim.safetensors", "charts.npz"):
        one, other = (tmp_path / folder / "cells" / good / file for folder in ("serial", "ray"))
        assert one.read_bytes() == other.read_bytes(), file
    assert (tmp_path / "serial/table.csv").read_bytes() == (tmp_path / "ray/table.csv").read_bytes()
    assert [event.stage for event in events if isinstance(event, Finished) and event.stage == "fit victim"]
    assert not list((tmp_path / "store").rglob("cell-*"))


def test_nonsense_is_refused_and_an_unreachable_cluster_is_named() -> None:
    with pytest.raises(SettingsError, match="workers must be at least 1; got 0"):
        Ray(workers=0)
    with pytest.raises(SettingsError, match="workers cannot be set for a cluster"):
        Ray(workers=2, address="auto")
    with pytest.raises(SettingsError, match="cpus and gpus are both 0"):
        Ray(cpus=0)
    with pytest.raises(SettingsError, match="A sweep on a cluster requires a store"):
        breaking_sweep("seed", 0, 1).run(executor=Ray(address="127.0.0.1:1"), progress=False)


def test_an_unreachable_cluster_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="The cluster auto cannot be reached"):
        breaking_sweep("seed", 0, 1).run(executor=Ray(address="auto"), store=Store(tmp_path), progress=False)
