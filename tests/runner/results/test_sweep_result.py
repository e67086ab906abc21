"""The table of a sweep: what the grid set in each cell, as it was set."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from antivenom.charts import Figure
from antivenom.errors import RunError
from antivenom.report import write_report
from antivenom.runner import Sweep, SweepResult, load_spec
from antivenom.runner.results.costs import Cost
from antivenom.runner.scoring.intervals import holm
from antivenom.storage.files import read_json, write_json
from tests.helpers.run_folders import make_grid, make_run, make_unfinished

SPEC = {
    "dataset": {"name": "digits"},
    "training": {"name": "end_to_end", "epochs": 1},
    "attack": {"name": "badnets", "target": 7},
    "grid": {"attack.rate": [0.1, 0.2], "model": [{"name": "mlp", "hidden": [4]}], "attack.target": [3]},
    "repeats": 2,
}
RATES = (0.1, 0.2, 0.3, 0.4)


def swept(folder: Path) -> SweepResult:
    sweep = load_spec(SPEC)
    assert isinstance(sweep, Sweep)
    return sweep.run(out=folder, progress=False)


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    result = swept(tmp_path / "out")
    rows = list(result.rows())
    assert [row["attack.rate"] for row in rows] == [0.1, 0.2]
    assert [row["attack.target"] for row in rows] == [3, 3]
    assert rows[0]["model"] == "mlp(hidden=4)"
    assert [str(dtype) for dtype in result.to_frame()[["attack.rate", "attack.target"]].dtypes] == ["float64", "int64"]
    assert "0.1" in (tmp_path / "out" / "table.csv").read_text().splitlines()[1].split(",")


def grid_of(folder: Path, *axes: dict[str, Any]) -> Path:
    return make_grid(folder, {"attack.rate": RATES}, axes or [{"attack.rate": rate} for rate in RATES])


def test_the_table_has_mean_interval_and_n_of_every_figure_and_no_times(tmp_path: Path) -> None:
    result = swept(tmp_path / "out")
    header, *rows = csv.reader((tmp_path / "out" / "table.csv").read_text().splitlines())
    metrics = result.metrics(next(iter(result.axes)))
    parts = ("", ".low", ".high", ".n")
    ends_of = {key: (*parts, ".p", ".p_holm") if entry["paired"] else parts for key, entry in metrics.items()}
    assert header == [
        "cell",
        "model",
        "attack.rate",
        "attack.target",
        *(f"{key}{end}" for key, ends in ends_of.items() for end in ends),
    ]
    row = dict(zip(header, rows[0], strict=True))
    entry = result.metrics(row["cell"])["model.clean_accuracy"]
    ends = [float(row[f"model.clean_accuracy{end}"]) for end in parts]
    assert ends == [entry["mean"], entry["low"], entry["high"], 2]
    assert not any("seconds" in name for name in header)


def test_p_values_are_corrected_over_the_cells(tmp_path: Path) -> None:
    result = swept(tmp_path / "out")
    key = "attack.success_rate_difference"
    p_values = {cell: result.metrics(cell)[key]["p_value"] for cell in result.axes}
    rows = list(result.rows())
    assert {row["cell"]: row[f"{key}.p"] for row in rows} == p_values
    assert {row["cell"]: row[f"{key}.p_holm"] for row in rows} == holm(p_values)
    page = write_report(tmp_path / "out").read_text()
    assert f"over the finished cells with a p-value ({len(p_values)})" in page
    assert "A cell with fewer than two repeats has no p-value." in page


def test_the_tables_of_equal_runs_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        swept(tmp_path / name)
    for file in ("table.csv", "table.parquet"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_parquet_has_the_rows_of_the_csv_file(tmp_path: Path) -> None:
    result = SweepResult.load(grid_of(tmp_path, {"attack.rate": 0.1}, {"attack.rate": 1, "model": "mlp"}, {"seed": 3}))
    result.write_table()
    table = pq.read_table(tmp_path / "table.parquet")
    assert table.to_pylist() == list(result.rows())
    kinds = {
        name: str(table.schema.field(name).type) for name in ("attack.rate", "model", "seed", "attack.success_rate.n")
    }
    assert kinds == {"attack.rate": "double", "model": "string", "seed": "int64", "attack.success_rate.n": "int64"}
    assert "table.parquet" in read_json(tmp_path / "manifest.json")["files"]


def test_without_pyarrow_there_is_only_the_csv_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = SweepResult.load(grid_of(tmp_path))
    result.write_table()
    monkeypatch.setattr("antivenom.runner.results.cell_table.find_spec", lambda _: None)
    result.write_table()
    assert not (tmp_path / "table.parquet").exists()
    assert (tmp_path / "table.csv").is_file()


def test_figures_in_seconds_are_not_in_the_table(tmp_path: Path) -> None:
    folder = grid_of(tmp_path)
    figures = {"model": [Figure(name="time", value=3.5, unit="seconds"), Figure(name="clean_accuracy", value=0.5)]}
    make_run(folder / "cells" / "1-cell", figures=figures, charts={})
    assert "model.time" not in SweepResult.load(folder).table().columns


def test_costs_are_per_kind_of_stage(tmp_path: Path) -> None:
    folder = grid_of(tmp_path)
    stages = [
        {"stage": "fit victim", "seconds": 2, "stored": False},
        {"stage": "fit control", "seconds": 0.5, "stored": True},
        {"stage": "scan victim neural_cleanse", "seconds": 0.25, "stored": False},
    ]
    make_run(folder / "cells" / "2-cell", charts={}, manifest={"stages": stages})
    result = SweepResult.load(folder)
    assert result.costs("2-cell") == {"fit": Cost(2.5, 2, 1), "scan": Cost(0.25, 1, 0)}
    result.write_table()
    rows = list(csv.DictReader((folder / "costs.csv").read_text().splitlines()))
    assert list(rows[1].items()) == [
        ("cell", "2-cell"), ("attack.rate", "0.2"), ("fit.seconds", "2.5"), ("fit.stages", "2"), ("fit.stored", "1"),
        ("scan.seconds", "0.25"), ("scan.stages", "1"), ("scan.stored", "0"),
        ("seconds", "2.75"), ("stages", "3"), ("stored", "1"),
    ]  # fmt: skip
    assert rows[0]["scan.stages"] == "0"


@pytest.mark.parametrize(
    "stages", [3, [3], [{"stage": 1, "seconds": 1}], [{"stage": "x", "seconds": -1}], [{"stage": "x"}]]
)
def test_damaged_stages_are_one_error(stages: Any, tmp_path: Path) -> None:
    folder = grid_of(tmp_path)
    make_run(folder / "cells" / "2-cell", charts={}, manifest={"stages": stages})
    with pytest.raises(RunError, match="stage"):
        SweepResult.load(folder).write_table()


# Unfinished sweeps ----------------------------------------------------------------------------------------------------


def test_an_unfinished_sweep_has_the_cells_that_are_finished(tmp_path: Path) -> None:
    folder = make_unfinished(grid_of(tmp_path), failed=[2], missing=[4])
    result = SweepResult.load(folder)
    assert (result.name, list(result.axes), result.missing) == ("a grid", ["1-cell", "3-cell"], ["4-cell"])
    assert list(result.planned) == [f"{number}-cell" for number in range(1, 5)]
    assert {name: each.error for name, each in result.failures.items()} == {"2-cell": "RuntimeError"}
    assert [row["attack.rate"] for row in result.rows()] == [0.1, 0.3]
    assert result.to_frame().shape[0] == len(result.results) == 2
    result.write_table()
    assert len((folder / "table.csv").read_text().splitlines()) == 3
    assert SweepResult.load(folder).missing == ["4-cell"], "the manifest does not hide the planned cells"


def test_a_sweep_without_a_finished_cell_is_read_and_has_no_table(tmp_path: Path) -> None:
    result = SweepResult.load(make_unfinished(grid_of(tmp_path), failed=[1, 2], missing=[3, 4]))
    assert (dict(result.axes), list(result.rows()), len(result.failures)) == ({}, [], 2)
    with pytest.raises(RunError, match="does not have a finished cell yet"):
        result.write_table()


def test_a_finished_run_is_read_back(tmp_path: Path) -> None:
    result = swept(tmp_path / "out")
    again = SweepResult.load(tmp_path / "out")
    assert again.axes == result.axes
    assert (again.missing, again.failures) == ([], {})
    assert list(again.rows()) == list(result.rows())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cells.json", 3), ("cells.json", {}), ("cells.json", {"1-cell": 3}), ("cells.json", {"../x": {}}),
        ("cells.json", {"": {}}), ("cells.json", {"a/b": {}}), ("cells.json", {"a\0": {}}),
        ("cells.json", {str(number): {} for number in range(10_001)}),
        ("cells.json", {"1-cell": {str(number): 1 for number in range(1001)}}),
        ("manifest.json", {"cells": 3}), ("manifest.json", {"cells": {"1-cell": {}}}), ("manifest.json", {}),
    ],
)  # fmt: skip
def test_a_damaged_list_of_cells_is_one_error(name: str, content: Any, tmp_path: Path) -> None:
    folder = grid_of(tmp_path)
    write_json(folder / name, content)
    with pytest.raises(RunError):
        SweepResult.load(folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "spec.yaml").unlink(),
        lambda folder: (folder / "spec.yaml").write_text("name: [1]"),
        lambda folder: (folder / "spec.yaml").write_text("{"),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: ((folder / "cells").rename(folder / "x"), (folder / "cells").symlink_to(folder / "x")),
        lambda folder: ((folder / "x").mkdir(), (folder / "cells/9-cell").symlink_to(folder / "x"),
                        write_json(folder / "cells.json", {"9-cell": {}})),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_a_sweep_is_one_error(spoil: Callable[[Path], Any], tmp_path: Path) -> None:
    spoil(grid_of(tmp_path))
    with pytest.raises(RunError):
        SweepResult.load(tmp_path)


def test_damaged_failures_are_one_error(tmp_path: Path) -> None:
    folder = make_unfinished(grid_of(tmp_path), failed=[1])
    write_json(folder / "failures.json", [1])
    with pytest.raises(RunError, match="failures"):
        _ = SweepResult.load(folder).failures
