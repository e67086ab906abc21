"""A folder that is damaged, or made by an enemy, gets a clear error, and nothing is written outside of it."""

from pathlib import Path
from typing import Any

import pytest

from antivenom.errors import RunError
from antivenom.report import write_report
from antivenom.storage.files import read_json, write_json
from tests.helpers.run_folders import make_grid, make_run

pytestmark = pytest.mark.slow  # a report for every case


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a finished run"):
        write_report(tmp_path)


FILES = ("manifest.json", "metrics.json", "repeats.json", "spec.yaml", "charts.json", "charts.npz")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [None, b"", b"{}", b"PK\x03\x04 no zip", b"\xff\xfe", b"[" * 50_000, b"3"])
def test_a_damaged_file_is_told(name: str, damage: bytes | None, tmp_path: Path) -> None:
    file = make_run(tmp_path) / name
    if name == "spec.yaml" and damage == b"{}":
        return  # an empty spec is a spec
    file.unlink() if damage is None else file.write_bytes(damage)
    with pytest.raises(RunError):
        write_report(tmp_path)


WRONG: dict[str, dict[str, Any]] = {
    "mean must be float": {"mean": "0.5"},
    "n must be int": {"n": 1.5},
    "unit must be one of": {"unit": "miles"},
    "better must be one of": {"better": "best"},
    "control must be bool": {"control": 1},
    "name must be str": {"name": None},
    "low must be float": {"low": [1]},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_figure_is_told(message: str, tmp_path: Path) -> None:
    file = make_run(tmp_path) / "metrics.json"
    held = read_json(file)
    held["model.clean_accuracy"] |= WRONG[message]
    write_json(file, held)
    with pytest.raises(RunError, match=f"model.clean_accuracy.*{message}"):
        write_report(tmp_path)


def test_a_figure_may_say_more_than_the_report_knows(tmp_path: Path) -> None:
    file = make_run(tmp_path) / "metrics.json"
    held = read_json(file)
    held["model.clean_accuracy"]["median"] = 0.9
    write_json(file, held)
    assert write_report(tmp_path).is_file()


@pytest.mark.parametrize("wrong", [{"doubts": "one"}, {"headline": 3}, {"doubts": [1]}])
def test_a_wrong_manifest_is_told(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"manifest.json.*(doubts|headline)"):
        write_report(make_run(tmp_path, manifest=wrong))


@pytest.mark.parametrize("odd", [{"versions": 3, "hardware": []}, {"stages": "x"}, {"stages": [{"a": {}}, 3]}])
def test_a_manifest_with_less_has_a_page_with_less(odd: dict[str, Any], tmp_path: Path) -> None:
    assert write_report(make_run(tmp_path, manifest=odd)).is_file()


def test_a_link_in_place_of_figures_or_cells_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    run = make_run(tmp_path / "run")
    (run / "figures").symlink_to(outside)
    with pytest.raises(RunError, match="figures must be a folder; got a symbolic link"):
        write_report(run)
    grid = make_grid(tmp_path / "grid", {"seed": [1, 2]}, [{"seed": 1}, {"seed": 2}])
    (grid / "cells").rename(tmp_path / "moved")
    (grid / "cells").symlink_to(tmp_path / "moved")
    with pytest.raises(RunError, match="cells must be a folder; got a symbolic link"):
        write_report(grid)
    assert not list(outside.iterdir())
    assert not list((tmp_path / "moved").rglob("report.html"))


@pytest.mark.parametrize("name", ["../1-cell", "..", ".", "", "a/b", "/etc"])
def test_a_cell_outside_of_the_run_is_refused(name: str, tmp_path: Path) -> None:
    make_grid(tmp_path, {"seed": [1]}, [{"seed": 1}])
    write_json(tmp_path / "manifest.json", {"cells": {name: {"axes": {"seed": 1}}}})
    with pytest.raises(RunError, match="outside of the run"):
        write_report(tmp_path)


@pytest.mark.parametrize("cells", [{}, [], "x", {"1-cell": 3}, {"1-cell": {"axes": []}}, {"1-cell": {"axes": {}}}])
def test_wrong_cells_are_told(cells: object, tmp_path: Path) -> None:
    make_grid(tmp_path, {"seed": [1]}, [{"seed": 1}])
    write_json(tmp_path / "manifest.json", {"cells": cells})
    with pytest.raises(RunError):
        write_report(tmp_path)


def test_axes_that_are_no_numbers_after_all_are_words(tmp_path: Path) -> None:
    cells = [{"seed": value} for value in (1, None, [1], {"name": "<b>"}, "text")]
    assert write_report(make_grid(tmp_path, {"seed": [1]}, cells)).is_file()
