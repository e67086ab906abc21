"""Cells as tasks of Ray: the same bytes as in one process, also after a lost worker or driver."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import CellsFailedError, RunError, SettingsError
from antivenom.runner import Ray, Store, Sweep, load_spec
from antivenom.runner.events import Finished
from antivenom.runner.executors.cell_key import cell_keys
from antivenom.runner.executors.ray_task import run_task
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


def test_a_cell_takes_the_resources_of_its_spec() -> None:
    spec = {"attack": {"name": "badnets", "target": 7}, "resources": {"cpus": 2}, "grid": {"seed": [0]}}
    sweep = load_spec({**spec, "include": [{"resources.gpus": 0.25}, {"resources": {"cpus": 0.5}}]})
    assert isinstance(sweep, Sweep)
    cells = list(sweep.cells.values())
    executor = Ray(address="auto", cpus=3, gpus=1)
    assert [executor.resources(each) for each in cells] == [
        {"CPU": 2.0, "GPU": 1.0},
        {"CPU": 2.0, "GPU": 0.25},
        {"CPU": 0.5, "GPU": 1.0},
    ]
    assert list(executor.threads(sweep.cells).values()) == [2, 2, 1]
    assert len(set(cell_keys(sweep.cells, "cpu", dict.fromkeys(sweep.cells, 1)).values())) == 1, "results are the same"


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"cpu": 1}, r"resources.cpu is not a setting. Did you mean 'cpus'\?"),
        ({"gpus": -1}, "resources.gpus must be a number of at least 0; got -1"),
        ({"cpus": float("inf")}, "resources.cpus must be a number of at least 0; got inf"),
        ({"cpus": True}, "resources.cpus must be a number of at least 0; got True"),
        ({"cpus": "2"}, "resources.cpus must be a number of at least 0; got '2'"),
        ({"cpus": 0, "gpus": 0}, "both 0"),
    ],
)
def test_wrong_resources_are_refused(resources: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_spec({"attack": {"name": "badnets", "target": 7}, "resources": resources})


def test_a_cell_without_a_core_and_a_gpu_is_refused() -> None:
    with pytest.raises(SettingsError, match="neither a core nor a GPU"):
        breaking_sweep("resources", {"cpus": 0}).run(executor=Ray(workers=1), progress=False)


@pytest.mark.parametrize("workers", [None, 2])
def test_a_cell_too_large_for_this_machine_is_refused_before_anything_is_written(
    workers: int | None, tmp_path: Path
) -> None:
    place = tmp_path / "out"
    for sweep, executor in (
        (breaking_sweep("resources", {"cpus": 100_000}), Ray(workers=workers)),
        (breaking_sweep("seed", 1), Ray(workers=workers, cpus=100_000)),
    ):
        with pytest.raises(SettingsError, match=r"resources.cpus is 100000; this machine has \d+ core.*--address"):
            sweep.run(out=place, executor=executor, progress=False)
    assert not place.exists()


def test_a_cell_with_more_gpus_than_this_machine_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"it needs 1 core and 1000 GPUs; this machine has \d+ core"):
        breaking_sweep("resources", {"gpus": 1000}).run(out=tmp_path / "out", executor=Ray(workers=1), progress=False)


def test_a_worker_never_has_more_threads_than_cores() -> None:
    with pytest.raises(RunError, match=r"takes 100000 cores, but the machine .* has \d+"):
        run_task("a", {}, None, [], [], "memory://none", "cpu", 100_000)
