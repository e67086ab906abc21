"""Checksums in the manifest: a changed file of a run is refused with its name, unless the run was made by hand."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom.errors import AntivenomError, RunError
from antivenom.report import write_report
from antivenom.runner import Result, Sweep, load_spec
from antivenom.runner.export import export
from antivenom.runner.external import measure_external
from antivenom.runner.results.manifest import read_manifest, write_manifest
from tests.helpers.run_folders import make_run, without_checksums
from tests.helpers.small_experiment import DIGITS, experiment

SPEC = {**DIGITS, "train_rows": 80, "attack": {"name": "badnets", "target": 7}, "repeats": 2}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run that the tests below copy."""
    out = tmp_path_factory.mktemp("run") / "out"
    load_spec(SPEC).run(out=out)
    return out


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def everything(folder: Path) -> list[Any]:
    result = Result.load(folder)
    parts: list[Any] = [result.spec, result.metrics, result.headline, result.doubts, result.about, list(result.charts)]
    for repeat in result.repeats:
        parts += [repeat.values, repeat.poisoned.data.fingerprint, repr(repeat.poisoned.goal)]
        for each in (repeat.victim, repeat.control):
            parts.append({name: value.tolist() for name, value in each.state().items()})
    return parts


def test_a_changed_digit_is_refused_with_the_name_of_the_file(run: Path, tmp_path: Path) -> None:
    out = shutil.copytree(run, tmp_path / "out")
    key = "model.clean_accuracy"
    value = json.loads((out / "metrics.json").read_text())[key]["mean"]
    changed(out / "metrics.json", f'"mean": {value}', '"mean": 0.123')
    for read in (Result.load, write_report):
        with pytest.raises(RunError, match=r"metrics\.json was changed after it was written: .* remove `files`"):
            read(out)
    without_checksums(out)
    assert Result.load(out).metrics[key]["mean"] == 0.123
    assert write_report(out).is_file()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("repeats/1/poison.npz", lambda result: result.repeats[1].poisoned),
        ("repeats/1/goal.json", lambda result: result.repeats[1].poisoned),
        ("control.safetensors", lambda result: result.control),
    ],
)
def test_models_and_poison_are_compared_when_they_are_used(
    run: Path, tmp_path: Path, name: str, read: Callable[[Result], object]
) -> None:
    out = shutil.copytree(run, tmp_path / "out")
    (out / name).write_bytes((out / name).read_bytes() + b"\n")
    result = Result.load(out)
    assert result.victim is not None
    with pytest.raises(RunError, match=f"{name} was changed"):
        read(result)
    with pytest.raises(RunError, match=f"{name} was changed"):
        write_report(out)
    (out / name).unlink()
    assert write_report(out).is_file()  # it does not need weights and poison


def test_any_changed_byte_is_refused_or_means_the_same(run: Path, tmp_path: Path) -> None:
    before, dice = everything(run), random.Random(0)
    for file in (file for file in sorted(run.rglob("*")) if file.is_file()):
        out = shutil.copytree(run, tmp_path / "out")
        whole = bytearray(file.read_bytes())
        whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        (out / file.relative_to(run)).write_bytes(whole)
        try:
            assert everything(out) == before, file
        except AntivenomError as error:
            assert file.name in str(error) or str(out) in str(error)
        shutil.rmtree(out)


def test_a_changed_manifest_is_refused(run: Path, tmp_path: Path) -> None:
    out = shutil.copytree(run, tmp_path / "out")
    for old, new in (('"seed": 0', '"seed": 1'), ('"checksum"', '"checksun"'), ('"files"', '"filez"')):
        shutil.copy(run / "manifest.json", out)
        changed(out / "manifest.json", old, new)
        for read in (Result.load, write_report):
            with pytest.raises(RunError, match=r"manifest\.json was changed"):
                read(out)


def test_a_manifest_names_every_file_of_a_run_and_nothing_outside_of_it(run: Path, tmp_path: Path) -> None:
    files = read_manifest(run / "manifest.json").files
    assert files is not None
    written = {file.relative_to(run).as_posix() for file in run.rglob("*") if file.is_file()}
    assert files.keys() == written - {"manifest.json"}
    write_manifest(tmp_path / "manifest.json", {}, ["a"])
    (tmp_path / "a").write_text("added later")
    with pytest.raises(RunError, match="a was changed"):
        read_manifest(tmp_path / "manifest.json").check("a")


def test_a_result_that_was_read_is_written_with_new_checksums(run: Path, tmp_path: Path) -> None:
    again = Result.load(run)
    again.save(tmp_path / "again")
    assert everything(tmp_path / "again") == everything(run)


def test_the_cells_and_the_table_of_a_grid_are_compared(tmp_path: Path) -> None:
    sweep = load_spec({**SPEC, "repeats": 1, "grid": {"seed": [0, 1]}})
    assert isinstance(sweep, Sweep)
    result = sweep.run(out=tmp_path / "out", progress=False)
    table = tmp_path / "out" / "table.csv"
    changed(table, "cell", "sell")
    with pytest.raises(RunError, match=r"table\.csv was changed"):
        write_report(tmp_path / "out")
    changed(table, "sell", "cell")
    assert write_report(tmp_path / "out").is_file()
    changed(tmp_path / "out/cells/2-seed-1/metrics.json", '"n": 1', '"n": 2')
    for read in (result.to_frame, lambda: write_report(tmp_path / "out")):
        with pytest.raises(RunError, match=r"2-seed-1/metrics\.json was changed"):
            read()


@pytest.mark.parametrize("name", ["truth.json", "test.npz", "goal.json", "spec.yaml"])
def test_a_changed_truth_is_refused_by_measure(tmp_path: Path, name: str) -> None:
    one = experiment()
    export(one, tmp_path / "data", form="npz")
    file = tmp_path / "data" / "truth" / name
    file.write_bytes(file.read_bytes().replace(b'"poison_rows": ', b'"poison_rows": 1') + b" ")
    np.savez(tmp_path / "predicted.npz", test=np.zeros(40, np.int64), triggered=np.zeros(40, np.int64))
    with pytest.raises(RunError, match=rf"{name} was changed"):
        measure_external(tmp_path / "predicted.npz", tmp_path / "data", tmp_path / "out")


def test_a_run_made_by_hand_is_accepted(tmp_path: Path) -> None:
    assert write_report(make_run(tmp_path / "run")).is_file()
