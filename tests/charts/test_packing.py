"""Charts in files: they come back as they were, and nothing that is read is trusted."""

import copy
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom.charts import Chart, Lines, Series
from antivenom.charts.data import CHARTS
from antivenom.charts.packing import pack, unpack
from antivenom.errors import DataError, RunError
from antivenom.storage import chart_files, files
from antivenom.storage.chart_files import read_charts, write_charts
from tests.helpers.every_chart import every_chart


def test_every_type_comes_back_and_looks_the_same(tmp_path: Path) -> None:
    charts = every_chart()
    assert {type(chart) for chart in charts.values()} == set(CHARTS)
    write_charts(tmp_path, charts)
    back = read_charts(tmp_path)
    assert list(back) == list(charts)
    for key, chart in charts.items():
        assert type(back[key]) is type(chart)
        assert back[key].to_png() == chart.to_png()
        assert (back[key].caption, back[key].alt) == (chart.caption, chart.alt)


def test_the_same_charts_give_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_charts(tmp_path / name, every_chart())
    for file in ("charts.json", "charts.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_no_charts_are_no_charts(tmp_path: Path) -> None:
    write_charts(tmp_path, {})
    assert read_charts(tmp_path) == {}


def packed() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    content, arrays = pack(every_chart())
    return json.loads(json.dumps(content)), arrays


WRONG: dict[str, Any] = {
    "must be a list": lambda c: {"charts": c},
    "must be a mapping with a `key`": lambda c: [*c, {"type": "Table"}],
    "Charts must have different keys; got": lambda c: [*c, c[0]],
    "must have a type": lambda c: [{**c[0], "type": "Figure"}],
    "must have a type, one of .*Bars": lambda c: [{**c[0], "type": ["Lines"]}],
    "has no field '__class__'": lambda c: [{**c[0], "__class__": 1}],
    "requires the field 'series'": lambda c: [{"key": "a", "type": "Lines"}],
    "title must be str": lambda c: [{**c[0], "title": 3}],
    "series must be a list": lambda c: [{**c[0], "series": "abc"}],
    r"series\[0\] must be a mapping": lambda c: [{**c[0], "series": [3]}],
    "role must be one of": lambda c: [{**c[0], "series": [{**c[0]["series"][0], "role": "thief"}]}],
    "marks must be bool": lambda c: [{**c[0], "series": [{**c[0]["series"][0], "marks": 1}]}],
    "must name an array": lambda c: [{**c[0], "levels": [1, 2]}],
    "is missing, or is named twice": lambda c: [{**c[0], "levels": {"array": "999"}}],
    "named twice": lambda c: [{**c[0], "levels": c[0]["ticks"]}],
    "scale must be one of": lambda c: [{**c[0], "x": {"scale": "cubic"}}],
    "low must be float": lambda c: [{**c[0], "x": {"low": float("nan")}}],
    "across must be int": lambda c: [{**c[-1], "across": True}],
    "across must be at least 1": lambda c: [{**c[-1], "across": -1}],
    "must not contain Panels": lambda c: [{**c[-1], "charts": [{"type": "Panels", "charts": []}]}],
    "must have 2 cells": lambda c: [{**c[7], "rows": [["a"]]}],
    "at most 5,000": lambda c: [{}] * 6000,
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_no_chart_is_refused(message: str) -> None:
    content, arrays = packed()
    unpack(copy.deepcopy(content), arrays)  # as it was, it can be read
    with pytest.raises(DataError, match=message):
        unpack(WRONG[message](content), arrays)


@pytest.mark.parametrize("array", [np.array(["1", "2"]), np.zeros((2, 2, 2)), np.zeros(3, "S4"), np.zeros(99)])
def test_a_wrong_array_is_refused(array: np.ndarray) -> None:
    content, arrays = packed()
    name = content[0]["series"][0]["y"]["array"]
    with pytest.raises(DataError, match="y"):
        unpack(content, {**arrays, name: array})


def test_panels_within_panels_within_panels_are_refused() -> None:
    deep: dict[str, Any] = {"type": "Panels", "charts": []}
    for _ in range(5000):
        deep = {"type": "Panels", "charts": [deep]}
    with pytest.raises(DataError, match=r"nested too deeply|must not contain Panels"):
        unpack([{"key": "a", **deep}], {})


def test_a_chart_that_no_reader_knows_is_not_written(tmp_path: Path) -> None:
    class Own(Chart):
        """A type of somebody else's."""

    with pytest.raises(DataError, match="must be one of Lines, Bars"):
        write_charts(tmp_path, {"a": Own()})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file", ["charts.json", "charts.npz"])
@pytest.mark.parametrize("damage", [None, b"", b"{}", b"PK\x03\x04 no zip", b"[" * 100_000, b"[]"[:1]])
def test_a_damaged_file_is_told(file: str, damage: bytes | None, tmp_path: Path) -> None:
    write_charts(tmp_path, every_chart())
    (tmp_path / file).unlink() if damage is None else (tmp_path / file).write_bytes(damage)
    with pytest.raises(RunError):
        read_charts(tmp_path)


def test_objects_in_an_array_are_never_loaded(tmp_path: Path) -> None:
    write_charts(tmp_path, {"a": Lines(series=(Series(x=np.array([1]), y=np.array([1])),))})
    np.savez(tmp_path / "charts.npz", **{"0": np.array([{}]), "1": np.array([1.0])}, allow_pickle=True)
    with pytest.raises(RunError, match="Python objects"):
        read_charts(tmp_path)


def test_files_that_are_too_large_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_charts(tmp_path, every_chart())
    monkeypatch.setattr(chart_files, "MAX_ARRAY_BYTES", 100)
    with pytest.raises(RunError, match="at most 100 bytes"):
        read_charts(tmp_path)
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 100)
    with pytest.raises(RunError, match="at most 100 bytes"):
        read_charts(tmp_path)


@pytest.mark.parametrize(
    "array", [np.zeros(9 << 20, np.uint8), np.zeros(9 << 20, np.float32), np.zeros((1, 3072, 3072), np.float32)]
)
def test_small_numbers_are_not_converted_to_gigabytes(array: Any, tmp_path: Path) -> None:
    write_charts(tmp_path, {"a": Lines(series=(Series(x=np.array([1]), y=np.array([1])),))})
    np.savez_compressed(tmp_path / "charts.npz", **{"0": array, "1": np.array([1.0])})
    with pytest.raises(RunError, match="at most 67,108,864 bytes as float64"):
        read_charts(tmp_path)


def test_numbers_of_another_shape_are_not_converted() -> None:
    large = np.zeros((1 << 12, 1 << 12, 1), np.uint8)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="must have the shape"):
            Series(x=large, y=np.array([1]))
        assert tracemalloc.get_traced_memory()[1] < large.nbytes  # eight times that as float64
    finally:
        tracemalloc.stop()
