"""Files that a run writes."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from antivenom.errors import RunError
from antivenom.files.writing import write_bytes
from antivenom.storage import files
from antivenom.storage.files import read_json, read_tensors, write_arrays, write_json, write_tensors

TENSORS = {"x": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "empty": torch.zeros(0, 4)}


def test_a_written_file_has_the_usual_rights(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "usual").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"nope"])
def test_a_damaged_json_file_is_one_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(RunError, match="is damaged"):
        read_json(tmp_path / "a.json")


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    for read in (read_json, read_tensors):
        with pytest.raises(RunError, match="is missing"):
            read(tmp_path / "absent")
        with pytest.raises(RunError, match="is damaged"):
            read(tmp_path)


def test_json_holds_no_nan_and_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a", {"a": float("nan")})
    assert not (tmp_path / "a").exists()
    write_json(tmp_path / "a", {"b": 1, "é": 2})
    write_json(tmp_path / "b", {"é": 2, "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_header_that_is_no_json_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.json, "dumps", lambda *_, **__: "{")
    write_tensors(tmp_path / "a", TENSORS, {})
    monkeypatch.undo()
    with pytest.raises(RunError, match="is damaged"):
        read_tensors(tmp_path / "a")


def test_arrays_are_written_as_numpy_does_and_objects_are_refused(tmp_path: Path) -> None:
    arrays = {"x": np.arange(1000), "names": np.array(["a", "b"]), "one": np.float32(2)}
    write_arrays(tmp_path / "ours.npz", arrays)  # type: ignore[arg-type]
    np.savez_compressed(tmp_path / "numpy.npz", **arrays)
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "numpy.npz").read_bytes()
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        write_arrays(tmp_path / "objects.npz", {"x": np.array([{}], object)})
    assert not (tmp_path / "objects.npz").exists()


@pytest.mark.parametrize("part", ["[],", "{},", "0,"])
def test_json_with_millions_of_values_is_refused_before_they_need_memory(part: str, tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    file.write_text(f"[{part * 1_000_000}0]")
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match="at most 1,000,000 are read"):
            read_json(file)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
