"""Sweeps whose folder has a URL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from typer.testing import CliRunner

from antivenom.cli import app
from antivenom.errors import AntivenomError, CellsFailedError, RunError, SettingsError
from antivenom.runner import Experiment, SweepResult, load_spec
from antivenom.runner.events import CellFinished, FolderTaken
from antivenom.runner.results import mirror
from antivenom.runner.results.folder import RUN_MARK
from antivenom.runner.results.mirror import Mirror, reported
from antivenom.storage.yaml12 import dump_yaml
from tests.helpers.breaking import SPEC, breaking_sweep
from tests.helpers.s3 import served

BADNETS = {**SPEC, "attack": {"name": "badnets", "target": 7}}


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty folder, on a machine with an empty cache."""
    on_machine("first", tmp_path, monkeypatch)
    monkeypatch.setenv("ANTIVENOM_STORE", str(tmp_path / "store"))
    yield f"memory://{tmp_path.name}/study"
    fsspec.filesystem("memory").store.clear()


def on_machine(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))


def files_at(url: str) -> dict[str, bytes]:
    system, root = fsspec.url_to_fs(url)
    return {path.removeprefix(root).lstrip("/"): system.cat_file(path) for path in system.find(root)}


def run(url: str, sweep: Any = None) -> tuple[SweepResult, list[Any]]:
    events: list[Any] = []
    sweep = sweep or breaking_sweep("seed", 0, 1)
    return sweep.run(out=url, progress=False, on_event=events.append), events


def test_a_sweep_at_a_url_has_the_files_of_one_in_a_folder(url: str, tmp_path: Path) -> None:
    result, _ = run(url)
    local = breaking_sweep("seed", 0, 1).run(out=tmp_path / "local", progress=False)
    there = files_at(url)
    expected = {file.relative_to(local.folder).as_posix() for file in local.folder.rglob("*") if file.is_file()}
    assert set(there) == {name for name in expected if not name.endswith(".lock")}
    assert there["table.csv"] == (tmp_path / "local" / "table.csv").read_bytes()
    assert result.axes.keys() == local.axes.keys()


def test_another_machine_keeps_what_a_stopped_one_finished(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(event: object) -> None:
        if isinstance(event, CellFinished):
            raise KeyboardInterrupt

    sweep = breaking_sweep("seed", 0, 1)
    stopped = [False]

    def once(event: object) -> None:
        if stopped[0]:
            stop(event)
        stopped[0] = isinstance(event, CellFinished) or stopped[0]

    with pytest.raises(KeyboardInterrupt):
        sweep.run(out=url, progress=False, on_event=once)
    assert "cells/1-seed-0/manifest.json" in files_at(url)
    on_machine("second", tmp_path, monkeypatch)
    result, events = run(url)
    assert [(each.cell, each.kept) for each in events if isinstance(each, CellFinished)] == [
        ("1-seed-0", True),
        ("2-seed-1", False),
    ]
    assert result.metrics("1-seed-0")["attack.success_rate"]
    assert not any(isinstance(each, FolderTaken) for each in events), "a run that ends frees its lease"


def test_a_failed_cell_does_not_keep_the_others_from_the_url(url: str) -> None:
    with pytest.raises(CellsFailedError, match="1 of 2 cells failed"):
        run(url, breaking_sweep("attack.how", "not at all", "raises"))
    there = files_at(url)
    assert {"table.csv", "failures.json", "cells/1-how-not-at-all/manifest.json"} <= set(there)
    assert "cells/2-how-raises/manifest.json" not in there


def test_a_run_of_another_spec_replaces_the_cells_at_the_url(url: str) -> None:
    run(url)
    run(url, breaking_sweep("attack.rate", 0.3))
    cells = {name.split("/")[1] for name in files_at(url) if name.startswith("cells/")}
    assert cells == {"1-rate-0.3"}


def test_status_and_report_read_a_url_and_leave_weights_there(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(url)
    on_machine("second", tmp_path, monkeypatch)
    assert "2 of 2 cells are finished" in CliRunner().invoke(app, ["sweep", "status", url]).output
    done = CliRunner().invoke(app, ["sweep", "report", url, "--interactive"])
    assert done.exit_code == 0, done.output
    assert {"report.html", "table.html"} <= set(files_at(url))
    assert any(name.startswith("figures/") for name in files_at(url))
    assert not list((tmp_path / "second").rglob("*.safetensors"))


def test_a_report_leaves_cells_out_that_are_no_longer_at_the_url(url: str) -> None:
    run(url)
    with reported(url):
        pass
    run(url, breaking_sweep("attack.rate", 0.3))
    with reported(url) as folder:
        assert [each.name for each in (folder / "cells").iterdir() if any(each.iterdir())] == ["1-rate-0.3"]


def test_the_command_writes_to_s3(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "study.yaml"
    spec.write_text(dump_yaml({**BADNETS, "grid": {"seed": [0]}}))
    for bucket in served(monkeypatch):
        done = CliRunner().invoke(app, ["sweep", str(spec), "--out", bucket, "--quiet"])
        assert done.exit_code == 0, done.output
        assert {"report.html", "table.csv", "cells/1-seed-0/victim.safetensors"} <= set(files_at_s3(bucket))


def files_at_s3(bucket: str) -> list[str]:
    address, _, endpoint = bucket.partition("?endpoint_url=")
    system = fsspec.filesystem("s3", endpoint_url=endpoint, skip_instance_cache=True)
    root = address.removeprefix("s3://")
    return [path.removeprefix(root).lstrip("/") for path in system.find(root)]


def test_files_that_no_sweep_has_are_neither_read_nor_removed(url: str, tmp_path: Path) -> None:
    system, root = fsspec.url_to_fs(url)
    odd = ["cells/.ssh/metrics.json", "cells/1/own.py", "notes.txt", "figures/a.exe", "cells/1/2/metrics.json"]
    for name in odd:
        system.pipe_file(f"{root}/{name}", b"odd")
    system.pipe_file(f"{root}/spec.yaml", RUN_MARK.encode() + b"name: other\n")
    run(url)
    assert set(odd) <= set(files_at(url))
    copies = {file.name for file in (tmp_path / "first").rglob("*") if file.is_file() and file.read_bytes() == b"odd"}
    assert copies == set()


@pytest.mark.parametrize("name", ["thesis.docx", "spec.yaml"])
def test_a_place_with_other_files_is_refused(url: str, name: str) -> None:
    system, root = fsspec.url_to_fs(url)
    system.pipe_file(f"{root}/{name}", b"mine")
    with pytest.raises(RunError, match="is not a sweep of antivenom"):
        run(url)
    assert files_at(url) == {name: b"mine"}


def test_two_sweeps_do_not_write_to_one_url_at_the_same_time(url: str) -> None:
    waited: list[str] = []

    def stop(owner: str) -> None:
        waited.append(owner)
        raise InterruptedError

    with Mirror(url).leased(lambda _: None), pytest.raises(InterruptedError), Mirror(url).leased(stop):
        pass
    assert len(waited) == 1


def test_more_files_than_a_sweep_has_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(url)
    monkeypatch.setattr(mirror, "MAX_FILES", 3)
    with pytest.raises(RunError, match=r"has \d+ files; a sweep has at most 3"):
        run(url)


def test_urls_are_refused_where_a_folder_is_needed(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="A shard requires a folder that all machines reach; got memory"):
        breaking_sweep("seed", 0, 1).run(out=url, shard=(1, 2), progress=False)
    single = load_spec(BADNETS)
    assert isinstance(single, Experiment)
    with pytest.raises(SettingsError, match="Only a sweep can have a URL"):
        single.run(out=url, progress=False)
    spec = tmp_path / "study.yaml"
    spec.write_text(dump_yaml({**BADNETS, "grid": {"seed": [0]}}))
    error = CliRunner().invoke(app, ["sweep", str(spec), "--out", "s3://bucket/study", "--shard", "1/2"]).exception
    assert isinstance(error, AntivenomError)
    assert "A shard requires a folder that all machines reach" in str(error)
    done = CliRunner().invoke(app, ["run", str(spec), "--out", url])
    assert done.exit_code == 2
    assert "Only a sweep can have a URL" in " ".join(done.output.replace("│", " ").split())


def test_a_sweep_does_not_write_to_the_memory_of_the_command(url: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(dump_yaml({**BADNETS, "grid": {"seed": [0]}}))
    error = CliRunner().invoke(app, ["sweep", str(tmp_path / "study.yaml"), "--out", url]).exception
    assert isinstance(error, SettingsError)
    assert f"The folder {url} is lost when this command ends. Choose a folder, or another URL." in str(error)
