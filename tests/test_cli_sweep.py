"""The command `antivenom sweep`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from antivenom.cli import app
from antivenom.errors import AntivenomError, CellsFailedError
from antivenom.storage.yaml12 import dump_yaml
from tests.helpers.breaking import SPEC

BADNETS = {**SPEC, "attack": {"name": "badnets", "target": 7}}


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTIVENOM_STORE", str(tmp_path / "store"))
    file = tmp_path / "study.yaml"
    file.write_text(dump_yaml({**BADNETS, "grid": {"attack.rate": [0.1, 0.2]}}))
    return file


def call(*words: Any) -> str:
    done = CliRunner().invoke(app, ["sweep", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


def error_of(*words: Any) -> AntivenomError:
    done = CliRunner().invoke(app, ["sweep", *map(str, words)])
    assert isinstance(done.exception, AntivenomError), done.output
    return done.exception


def test_a_sweep_runs_and_its_status_and_report_are_there(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cells = json.loads(call("--quiet", "--json", spec, "--out", out))  # options may come first
    assert [*cells] == [*json.loads((out / "cells.json").read_text())]
    assert call("status", out).startswith("2 of 2 cells are finished, 0 are running, 0 failed.")
    (out / "report.html").unlink()
    assert "table.html" in call("report", out, "--interactive")
    assert (out / "report.html").is_file()
    assert (out / "table.html").is_file()


def test_parts_of_a_sweep_make_the_whole(spec: Path, tmp_path: Path) -> None:
    call(spec, "--out", tmp_path / "whole", "--quiet")
    for shard in ("1/2", "2/2"):
        call(spec, "--out", tmp_path / "parts", "--quiet", "--shard", shard)
    assert (tmp_path / "parts/table.csv").read_bytes() == (tmp_path / "whole/table.csv").read_bytes()
    call(spec, "--out", tmp_path / "one", "--quiet", "--only", "2-rate-0.2")
    assert [each.name for each in (tmp_path / "one/cells").iterdir()] == ["2-rate-0.2"]
    status = call("status", tmp_path / "one")
    assert status.startswith("1 of 2 cells are finished")
    assert "The same `antivenom sweep` command continues it." in status.replace("\n", " ")


def test_a_failed_cell_is_in_status_and_report(tmp_path: Path, spec: Path) -> None:
    spec.write_text(dump_yaml({**SPEC, "grid": {"attack.how": ["raises", "not at all"]}}))
    out = tmp_path / "out"
    error = error_of(spec, "--out", out, "--quiet", "--allow-code")
    assert isinstance(error, CellsFailedError)
    assert "1 of 2 cells failed" in str(error)
    assert "1-how-raises" in (out / "report.html").read_text()
    assert "1 of 2 cells are finished, 0 are running, 1 failed." in call("status", out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "3/2"], "shard must be i/n with 1 <= i <= n; got 3/2"),
        (["--shard", "half"], "--shard must be i/n, such as 1/4; got 'half'"),
        (["--executor", "serial", "--workers", "2"], "--workers is not an option of --executor serial"),
        (["--executor", "processes", "--gpus", "1"], "--gpus is not an option of --executor processes"),
        (["--address", "auto", "--workers", "2"], "workers cannot be set for a cluster"),
        (["--only", "2-rate-0.3"], "there is no cell '2-rate-0.3'"),
        (["--set", "grid=null"], "A sweep requires a spec with a grid"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    spec: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    assert message in str(error_of(spec, "--out", tmp_path / "out", *words))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_sweep_is_refused(tmp_path: Path) -> None:
    for command in ("status", "report"):
        assert str(tmp_path) in str(error_of(command, tmp_path))
