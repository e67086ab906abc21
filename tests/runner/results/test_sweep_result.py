"""The table of a sweep: what the grid set in each cell, as it was set."""

from pathlib import Path

from antivenom.runner import Sweep, SweepResult, load_spec

SPEC = {
    "dataset": {"name": "digits"},
    "training": {"name": "end_to_end", "epochs": 1},
    "attack": {"name": "badnets", "target": 7},
    "grid": {"attack.rate": [0.1, 0.2], "model": [{"name": "mlp", "hidden": [4]}], "attack.target": [3]},
}


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
