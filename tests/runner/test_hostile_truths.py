"""Truths, predictions and weights of a stranger for `measure`: one error, in little memory."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.hostile.mutations import without_checksums
from safetensors.torch import save_file

from antivenom.errors import AntivenomError, DataError, RunError
from antivenom.runner import load_spec
from antivenom.runner.export import export
from antivenom.runner.external import measure_external

SPEC: dict[str, Any] = {"attack": {"name": "label_flip"}, "model": {"name": "mlp", "hidden": [4]}}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("truth") / "out"
    made = export(load_spec(SPEC), folder, form="npz")  # type: ignore[arg-type]
    without_checksums(folder)
    return folder, made.rows["test"]


@pytest.fixture
def truth(written: tuple[Path, int], tmp_path: Path) -> Path:
    return Path(shutil.copytree(written[0] / "truth", tmp_path / "truth"))


ODD_ARRAYS: dict[str, Callable[[Any], Any]] = {
    "text": lambda labels: labels.astype("U5"),
    "bytes": lambda labels: labels.astype("S5"),
    "long doubles": lambda labels: labels.astype(np.longdouble),
    "complex numbers": lambda labels: labels.astype(complex),
    "dates": lambda labels: labels.astype("M8[s]"),
    "objects": lambda labels: labels.astype(object),
    "numbers beyond int64": lambda labels: np.full(len(labels), 2**64 - 1, np.uint64),
    "infinite scores": lambda labels: np.full((len(labels), 10), np.inf),
    "scores of nan": lambda labels: np.full((len(labels), 10), np.nan),
    "another axis": lambda labels: labels[None, None],
    "no axis": lambda labels: np.zeros(()),
}


@pytest.mark.parametrize("name", ODD_ARRAYS)
def test_odd_predictions_are_refused(name: str, written: tuple[Path, int], truth: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", test=ODD_ARRAYS[name](np.arange(written[1]) % 10))
    with pytest.raises(DataError):
        measure_external(tmp_path / "p.npz", truth, tmp_path / "out")


@pytest.mark.parametrize("kind", [">i8", ">f8", "?", "u1", "f2"])
def test_the_order_and_the_size_of_the_bytes_do_not_matter(
    kind: str, written: tuple[Path, int], truth: Path, tmp_path: Path
) -> None:
    labels = np.arange(written[1]) % 10
    made = np.eye(10)[labels] if "i" not in kind and kind != "u1" else labels
    results = []
    for number, array in enumerate((made, made.astype(kind))):
        np.savez(tmp_path / "p.npz", test=array)
        results.append(measure_external(tmp_path / "p.npz", truth, tmp_path / f"out{number}"))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "line", ["test,0," + "9" * 5000, f"test,{'9' * 5000},3", "test,²,3", "test,0,nan", 'test,"0', "\0", "x" * 200_000]
)
def test_odd_lines_are_refused(line: str, written: tuple[Path, int], truth: Path, tmp_path: Path) -> None:
    lines = [f"test,{row},3" for row in range(1, written[1])]
    (tmp_path / "p.csv").write_text("\n".join(["set,row,label", *lines, line]) + "\n")
    with pytest.raises(DataError):
        measure_external(tmp_path / "p.csv", truth, tmp_path / "out")


def test_a_sparse_table_is_not_read(truth: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").touch()
    os.truncate(tmp_path / "p.csv", 1 << 40)
    with pytest.raises(DataError, match="at most"):
        measure_external(tmp_path / "p.csv", truth, tmp_path / "out")


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.complex64, torch.uint16, torch.uint64])
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_weights_of_another_type_are_refused(kind: torch.dtype, suffix: str, truth: Path, tmp_path: Path) -> None:
    weights = {"a": torch.zeros(2, dtype=kind), "b": torch.zeros(2)}
    file = tmp_path / f"w.{suffix}"
    torch.save(weights, file) if suffix == "pt" else save_file(weights, file)
    with pytest.raises(DataError, match=r"plain real numbers|not a file of weights"):
        measure_external(file, truth, tmp_path / "out")


ODD_SPECS = {
    "a seed of a list": "{seed: [1], name: x}",
    "an attack of text": "{attack: label_flip, name: x}",
    "a model of 2^62 units": "{model: {name: mlp, hidden: [4611686018427387904]}, name: x}",
    "a model of 10^8 units": "{model: {name: mlp, hidden: [100000000]}, name: x}",
    "deep settings": "{model: {name: mlp, hidden: " + "[" * 90 + "]" * 90 + "}, name: x}",
    "named code": "{model: 'this:x', name: x}",
}


@pytest.mark.parametrize("name", ODD_SPECS)
def test_an_odd_spec_is_refused(name: str, truth: Path, tmp_path: Path) -> None:
    (truth / "spec.yaml").write_text(ODD_SPECS[name])
    save_file({"1.weight": torch.zeros(4, 64)}, tmp_path / "w.safetensors")
    with pytest.raises(AntivenomError):
        measure_external(tmp_path / "w.safetensors", truth, tmp_path / "out")
    assert not (tmp_path / "out").exists()


ODD_TRUTHS = ('{"bounds": [0, 1], "figures": {}}',
              '{"bounds": null}', '{"bounds": [0, 1], "figures": {"a b": 1}}', '{"bounds": 3, "figures": {}}', "[]",
              '{"bounds": [0, 1e999], "figures": {}}', '{"bounds": [0, 1], "figures": {"a": [1]}}')  # fmt: skip


@pytest.mark.parametrize("text", ODD_TRUTHS)
def test_an_odd_truth_is_refused(text: str, truth: Path, tmp_path: Path) -> None:
    (truth / "truth.json").write_text(text)
    np.savez(tmp_path / "p.npz", test=np.zeros(3, int))
    with pytest.raises(RunError):
        measure_external(tmp_path / "p.npz", truth, tmp_path / "out")


def changed_rows(truth: Path, **arrays: Any) -> None:
    with np.load(truth / "test.npz") as kept:
        np.savez(truth / "test.npz", **{**kept, **arrays})


@pytest.mark.parametrize("value", [-1.0, 16.0, np.nan, np.inf])
def test_rows_out_of_their_bounds_are_refused(
    value: float, written: tuple[Path, int], truth: Path, tmp_path: Path
) -> None:
    x = np.zeros((written[1], 1, 8, 8), np.float32)
    x[3, 0, 2, 2] = value
    changed_rows(truth, x=x)
    np.savez(tmp_path / "p.npz", test=np.arange(written[1]) % 10)
    with pytest.raises(RunError, match="x must be finite, and within the bounds"):
        measure_external(tmp_path / "p.npz", truth, tmp_path / "out")


def test_rows_of_negative_zeros_are_found(written: tuple[Path, int], truth: Path, tmp_path: Path) -> None:
    changed_rows(truth, x=np.full((written[1], 1, 8, 8), -0.0, np.float32))
    np.savez(tmp_path / "p.npz", test=np.zeros(written[1], int))
    assert measure_external(tmp_path / "p.npz", truth, tmp_path / "out")["model.clean_accuracy"]["mean"] is not None


@pytest.mark.parametrize("count", [10_001, 20 << 20])
def test_very_many_classes_are_refused_early(
    count: int, written: tuple[Path, int], truth: Path, tmp_path: Path
) -> None:
    changed_rows(truth, classes=np.zeros(count, np.uint8))
    np.savez(tmp_path / "p.npz", test=np.arange(written[1]) % 10)
    with pytest.raises(RunError, match="at most 10,000 classes"):
        measure_external(tmp_path / "p.npz", truth, tmp_path / "out")


@pytest.mark.parametrize("figure", ["poison_rate", "poison_rows"])
@pytest.mark.parametrize("missing", [True, False])
def test_figures_of_the_poison_are_required(
    figure: str, missing: bool, written: tuple[Path, int], truth: Path, tmp_path: Path
) -> None:
    content = json.loads((truth / "truth.json").read_text())
    content["figures"].pop(figure) if missing else content["figures"].update({figure: None})
    (truth / "truth.json").write_text(json.dumps(content))
    np.savez(tmp_path / "p.npz", test=np.arange(written[1]) % 10)
    with pytest.raises(RunError, match=f"must have the figure '{figure}'"):
        measure_external(tmp_path / "p.npz", truth, tmp_path / "out")
