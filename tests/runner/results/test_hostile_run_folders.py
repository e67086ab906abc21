"""A run's folder of a stranger: wrong types, names and sizes are one error, and nothing is written elsewhere."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.hostile.mutations import without_checksums

from antivenom.errors import RunError
from antivenom.report import write_report
from antivenom.runner import Result, SweepResult, load_spec
from antivenom.runner.results.manifest import read_manifest, write_manifest
from antivenom.storage.files import read_json, read_tensors, write_arrays, write_json, write_tensors

SPEC: dict[str, Any] = {
    "attack": {"name": "badnets", "target": 7},
    "model": {"name": "mlp", "hidden": [4]},
    "training": {"name": "end_to_end", "epochs": 1},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stranger") / "run"
    load_spec(SPEC).run(out=folder, progress=False)
    write_json(folder / "charts.json", [])
    without_checksums(folder)
    return folder


@pytest.fixture
def run(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "stranger" / "run"))


def changed(file: Path, change: Callable[[Any], Any]) -> None:
    content = read_json(file)
    answer = change(content)
    write_json(file, content if answer is None else answer)


FIGURE = "attack.success_rate"

WRONG: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "no repeats": ("repeats.json", lambda _: []),
    "a repeat is text": ("repeats.json", lambda _: ["x"]),
    "a number of 400 digits": ("repeats.json", lambda each: each[0].update({FIGURE: 10**400})),
    "a number of 5,000 digits in a figure": ("metrics.json", lambda each: each[FIGURE].update(mean=10**305)),
    "a huge number of repeats": ("metrics.json", lambda each: each[FIGURE].update(n=10**30)),
    "a figure is a list": ("metrics.json", lambda each: each.update({FIGURE: [1]})),
    "a figure without a bound": ("metrics.json", lambda each: each[FIGURE].pop("high")),
    "a figure whose headline is text": ("metrics.json", lambda each: each[FIGURE].update(headline="yes")),
    "no figures": ("metrics.json", lambda _: {}),
    "doubts are a number": ("manifest.json", lambda each: each.update(doubts=3)),
    "assumptions are a number": ("manifest.json", lambda each: each.update(assumptions=3.5)),
    "a headline is missing": ("manifest.json", lambda each: each.pop("headline")),
    "a manifest is a list": ("manifest.json", lambda _: []),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_type_is_one_error_wherever_it_is_read(name: str, run: Path) -> None:
    file, change = WRONG[name]
    changed(run / file, change)
    for read in (Result.load, write_report):
        with pytest.raises(RunError, match=file.replace(".", r"\.")):
            read(run)


@pytest.mark.parametrize(
    "text", ['{"a": NaN}', "[1e999]", "[-Infinity]", "[" * 65 + "]" * 65, "[" * 100_000, "9" * 5000]
)
def test_json_without_finite_numbers_or_with_deep_nesting_is_refused(text: str, run: Path) -> None:
    (run / "repeats.json").write_text(text)
    with pytest.raises(RunError, match="damaged"):
        Result.load(run)


def test_a_figure_without_optional_fields_has_their_defaults(run: Path) -> None:
    changed(run / "metrics.json", lambda each: [entry.pop("headline") for entry in each.values()] and None)
    result = Result.load(run)
    assert not any(entry["headline"] for entry in result.metrics.values())
    assert result._repr_html_()


@pytest.mark.parametrize(
    "arrays",
    [
        {"confusion": np.zeros((2, 2, 10, 10)), "losses": np.zeros((1, 2, 1))},
        {"confusion": np.zeros(3), "losses": np.zeros((1, 2, 1))},
        {"confusion": np.array([["a"]]), "losses": np.zeros((1, 2, 1))},
        {"confusion": np.zeros((1, 2, 10, 10)), "losses": np.zeros((1, 2, 1), int)},
        {"confusion": np.zeros((1, 2, 10, 10)), "losses": np.zeros(())},
    ],
)
def test_details_of_another_shape_are_refused(arrays: dict[str, Any], run: Path) -> None:
    write_arrays(run / "details.npz", arrays)
    with pytest.raises(RunError, match=r"details\.npz"):
        Result.load(run)


def test_small_files_of_large_arrays_are_refused_before_they_are_unpacked(run: Path) -> None:
    large = {f"x{number}": np.zeros(48 << 20, np.uint8) for number in range(6)}
    details = {"confusion": np.zeros((1, 2, 10, 10)), "losses": np.zeros((1, 2, 1))}
    write_arrays(run / "details.npz", {**details, **large})
    for read in (Result.load, write_report):
        with pytest.raises(RunError, match="at most"):
            read(run)


ODD_WEIGHTS: dict[str, Callable[[dict[str, torch.Tensor], dict[str, Any]], object]] = {
    "rows of a billion numbers": lambda _, about: about.update(input_shape=[1, 40_000, 40_000]),
    "a billion classes": lambda _, about: about.update(classes=["a"] * 3_000_000),
    "negative sides": lambda _, about: about.update(input_shape=[-1, 8]),
    "sides of text": lambda _, about: about.update(input_shape="abc"),
    "no bounds": lambda _, about: about.pop("bounds"),
    "no tensors": lambda tensors, _: tensors.clear(),
    "another shape": lambda tensors, _: tensors.update({next(iter(tensors)): torch.zeros(3)}),
}


@pytest.mark.parametrize("name", ODD_WEIGHTS)
def test_weights_of_another_form_are_refused_in_little_memory(name: str, run: Path) -> None:
    file = run / "victim.safetensors"
    tensors, about = read_tensors(file)
    ODD_WEIGHTS[name](tensors, about)
    write_tensors(file, tensors, about)
    result = Result.load(run)
    with pytest.raises(RunError, match="victim"):
        _ = result.victim


def test_an_architecture_larger_than_its_weights_is_not_built(run: Path) -> None:
    text = (run / "spec.yaml").read_text().replace("- 4\n", "- 4611686018427387904\n")
    (run / "spec.yaml").write_text(text)
    with pytest.raises(RunError, match="The architecture has more than"):
        _ = Result.load(run).victim


@pytest.mark.parametrize(
    "key", ["../../out", "/tmp/out", "a/../../../out", "a\0b", "x" * 5000, "..", "\x1b[31m", "con"]
)
def test_the_name_of_a_chart_leads_nowhere_else(key: str, run: Path, tmp_path: Path) -> None:
    chart = {"type": "Bars", "name": key, "categories": ["a"], "series": [{"values": {"array": "0"}}]}
    write_json(run / "charts.json", [{"key": key, **chart}])
    write_arrays(run / "charts.npz", {"0": np.ones(1)})
    before = {file for file in tmp_path.rglob("*") if file.is_file()}
    write_report(run)
    new = {file for file in tmp_path.rglob("*") if file.is_file()} - before
    assert {file.parent for file in new} == {run, run / "figures"}
    assert not Path("/tmp/out.png").exists()


@pytest.mark.parametrize("name", ["figures", "report.html", "figures/model.confusion.png"])
def test_a_link_in_a_run_is_not_written_through(name: str, run: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    (run / name).parent.mkdir(exist_ok=True)
    if (run / name).is_dir():
        shutil.rmtree(run / name)
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(outside if name == "figures" else outside / "kept.txt")
    chart = {"type": "Bars", "name": "a", "categories": ["a"], "series": [{"values": {"array": "0"}}]}
    write_json(run / "charts.json", [{"key": "model.confusion", **chart}])
    write_arrays(run / "charts.npz", {"0": np.ones(1)})
    if name == "figures":
        with pytest.raises(RunError, match="symbolic link"):
            write_report(run)
    else:
        write_report(run)
    assert [(each.name, each.read_text()) for each in outside.iterdir()] == [("kept.txt", "kept")]


FILES = ("spec.yaml", "manifest.json", "metrics.json", "repeats.json", "details.npz", "charts.json", "charts.npz")


@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "/dev/zero", "a link to itself"])
@pytest.mark.parametrize("name", FILES)
def test_a_special_file_is_refused_at_once(name: str, kind: str, run: Path) -> None:
    (run / name).unlink()
    if kind == "a FIFO":
        os.mkfifo(run / name)
    elif kind == "a folder":
        (run / name).mkdir()
    else:
        (run / name).symlink_to(name if kind == "a link to itself" else kind)
    began = time.monotonic()
    for read in (Result.load, write_report):
        with pytest.raises(RunError):
            read(run)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["victim.safetensors", "control.safetensors", "poison.npz", "goal.json"])
def test_a_fifo_in_place_of_weights_or_poison_is_refused_at_once(name: str, run: Path) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    result, began = Result.load(run), time.monotonic()
    with pytest.raises(RunError):
        _ = (result.victim, result.control, result.poisoned)
    assert time.monotonic() - began < 5


def test_a_sparse_file_of_weights_is_one_error(run: Path) -> None:
    os.truncate(run / "victim.safetensors", 1 << 40)
    with pytest.raises(RunError, match="victim"):
        _ = Result.load(run).victim


@pytest.mark.parametrize(
    "change", [lambda _: {}, lambda each: {FIGURE: 3}, lambda each: each[FIGURE].pop("n") and None]
)
def test_a_cell_of_a_sweep_is_checked_too(change: Callable[[Any], Any], run: Path, tmp_path: Path) -> None:
    cell = tmp_path / "sweep" / "cells" / "1-a"
    shutil.copytree(run, cell)
    changed(cell / "metrics.json", change)
    sweep = SweepResult("sweep", tmp_path / "sweep", {"1-a": {"attack.rate": 0.1}})
    for use in (
        lambda: list(sweep.rows()),
        lambda: sweep.chart(FIGURE),
        lambda: sweep.results["1-a"],
        sweep.write_table,
    ):
        with pytest.raises(RunError, match="metrics"):
            use()


def sweep_with(cell: str, run: Path, tmp_path: Path) -> Path:
    """Return a sweep of one finished cell, whose manifest names `cell` instead."""
    folder = tmp_path / "sweep"
    shutil.copytree(run, folder / "cells" / "1-a")
    shutil.copy(run / "spec.yaml", folder)
    (folder / "manifest.json").write_text(json.dumps({"cells": {cell: {"axes": {"attack.rate": 0.1}}}}))
    return folder


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "\ud800", "名" * 100])
def test_a_cell_with_an_impossible_name_is_not_finished(name: str, run: Path, tmp_path: Path) -> None:
    folder = sweep_with(name, run, tmp_path)
    assert write_report(folder).is_file()
    assert not SweepResult.load(folder).axes


@pytest.mark.parametrize("name", ["details.npz", "victim.safetensors", "poison.npz"])
def test_a_sparse_file_beside_a_sweep_is_not_read_whole(name: str, run: Path, tmp_path: Path) -> None:
    folder = sweep_with("1-a", run, tmp_path)
    (folder / name).touch()
    os.truncate(folder / name, 1 << 42)
    with pytest.raises(RunError, match=r"must have at most 1,073,741,824 bytes; got 4,398,046,511,104"):
        SweepResult("sweep", folder, {"1-a": {"attack.rate": 0.1}}).write_table()


def test_a_sparse_file_is_not_compared_with_a_checksum(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("1")
    write_manifest(tmp_path / "manifest.json", {}, ["a.npz"])
    os.truncate(tmp_path / "a.npz", 1 << 42)
    with pytest.raises(RunError, match="must have at most"):
        read_manifest(tmp_path / "manifest.json").check("a.npz")


def test_a_spec_that_names_code_imports_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "named_by_a_stranger.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for key in ("attack", "model", "training", "dataset"):
        (run / "spec.yaml").write_text(json.dumps({**SPEC, "name": "x", key: {"name": "named_by_a_stranger:X"}}))
        write_report(run)
        with pytest.raises(RunError, match="not allowed to run"):
            _ = Result.load(run).poisoned
    (run / "spec.yaml").write_text(json.dumps({**SPEC, "name": "x"}))
    write_json(run / "goal.json", {"name": "named_by_a_stranger:X"})
    with pytest.raises(RunError, match="not allowed to run"):
        _ = Result.load(run).poisoned
