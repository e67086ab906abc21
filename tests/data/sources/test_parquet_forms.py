"""Parquet files as users have them: missing values, index columns, and labels of any form."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from antivenom.data.sources.csv import Csv
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError, SettingsError

pa = pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")


def source(folder: Path, settings: dict[str, Any] | None = None, **columns: Any) -> Parquet:
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), folder / "mine.parquet")
    return Parquet(path=str(folder / "mine.parquet"), **{"image": None, **(settings or {})})


NUMBERS = [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["a", "b", "a", "b"], ("a", "b")),
        ([0, 1, 0, 1], ("0", "1")),
        ([5, 7, 5, 7], ("5", "7")),
        ([1.0, 0.0, 1.0, 0.0], ("0", "1")),
        ([True, False, True, False], ("0", "1")),
        ([[1, 0], [0, 1], [1, 0], [0, 1]], ("0", "1")),
        (pa.array(["a", "b", "a", "b"]).dictionary_encode(), ("a", "b")),
    ],
)
def test_labels_of_any_form(tmp_path: Path, labels: Any, classes: tuple[str, ...]) -> None:
    data = source(tmp_path, a=NUMBERS, label=labels).load().train
    assert data.classes == classes
    assert any("The classes are" in note for note in data.assumptions) == (classes != ("0", "1"))


@pytest.mark.parametrize(
    "labels",
    [
        [0, None, 0, 1],
        ["a", None, "b", "a"],
        ["a", "", "b", "a"],
        [0.0, float("nan"), 1.0, 0.0],
        [0.5, 1.0, 1.5, 2.0],
        [-1, 0, 1, 0],
        [["a", "b"]] * 4,
        [{"a": 1}] * 4,
    ],
)
def test_labels_that_are_missing_or_no_classes_are_refused(tmp_path: Path, labels: list[Any]) -> None:
    with pytest.raises(DataError, match=r"mine\.parquet.*[Ll]abel"):
        source(tmp_path, a=NUMBERS, label=labels).load()


@pytest.mark.parametrize("name", ["class", "Target", "species_class", "fine_label"])
def test_the_message_names_a_likely_column_of_labels(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"Set label to '{name}'"):
        source(tmp_path, a=NUMBERS, **{name: [0, 1, 0, 1]}).load()


def test_a_table_of_numbers_says_how_to_read_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Set image to null"):
        source(tmp_path, {"image": "image"}, a=NUMBERS, label=[0, 1, 0, 1]).load()


@pytest.mark.parametrize(
    "column",
    [
        [1, None, 3, 4],
        [1.0, None, 3.0, 4.0],
        [True, None, False, True],
        [1.0, float("nan"), 3.0, 4.0],
        [1.0, float("inf"), 3.0, 4.0],
        [[1, 2]] * 4,
        ["1", "2", "3", "4"],
    ],
)
def test_columns_without_a_number_in_each_row_are_refused(tmp_path: Path, column: list[Any]) -> None:
    with pytest.raises(DataError, match="'b'"):
        source(tmp_path, a=NUMBERS, b=column, label=[0, 1, 0, 1]).load()


@pytest.mark.parametrize("name", ["__index_level_0__", "Unnamed: 0", "index", "id"])
def test_an_index_is_left_out_with_a_word(tmp_path: Path, name: str) -> None:
    columns = {name: [0, 1, 2, 3], "a": NUMBERS, "label": [0, 1, 0, 1]}
    data = source(tmp_path, **columns).load().train
    assert data.shape == (1,)
    assert repr(name) in data.assumptions[0]
    assert source(tmp_path, {"ignore": ()}, **columns).load().train.shape == (2,)


def test_an_identifier_is_refused_until_it_is_decided(tmp_path: Path) -> None:
    columns = {"id": [int(each) for each in np.arange(12) * 7 % 12 + 100], "a": NUMBERS * 3, "label": [0, 1] * 6}
    with pytest.raises(DataError, match=r"'id'.*ignore"):
        source(tmp_path, **columns).load()
    assert source(tmp_path, {"ignore": ("id",)}, **columns).load().train.shape == (1,)
    with pytest.raises(DataError, match="no column 'b'"):
        source(tmp_path, {"ignore": ("b",)}, **columns).load()


def test_settings_that_do_not_match_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ignore"):
        Parquet(path="mine.parquet", image=None, ignore=("label",))
    settings = {"image": "image", "ignore": ("a",)}
    with pytest.raises(DataError, match="ignore requires image: null"):
        source(tmp_path, settings, image=[b"PNG"] * 4, a=NUMBERS, label=[0, 1, 0, 1]).load()


def test_images_with_transparency_follow_the_setting(tmp_path: Path) -> None:
    stream = BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(stream, "PNG")
    columns = {"image": [stream.getvalue()] * 4, "label": [0, 1, 0, 1]}
    with pytest.raises(DataError, match="background"):
        source(tmp_path, {"image": "image"}, **columns).load()
    data = source(tmp_path, {"image": "image", "background": "white"}, **columns).load().train
    assert (data.x == 255).all()
    assert "4 images" in data.assumptions[0]


def test_large_whole_numbers_get_a_word(tmp_path: Path) -> None:
    data = source(tmp_path, a=NUMBERS, b=[2**30 + 1, 2, 3, 4], label=[0, 1, 0, 1]).load().train
    assert any("float32" in each for each in data.assumptions)


def test_files_with_different_columns_are_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    other = tmp_path / "other.parquet"
    for columns in ({"a": NUMBERS}, {"a": NUMBERS, "c": NUMBERS}):
        pq.write_table(pa.table({**columns, "label": [0, 1, 0, 1]}), other)
        with pytest.raises(DataError, match="same columns"):
            source(tmp_path, {"test_path": str(other)}, a=NUMBERS, b=NUMBERS, label=[0, 1, 0, 1]).load()


def test_an_identifier_is_refused_until_it_is_left_out(tmp_path: Path) -> None:
    columns = {"user_id": [n * 37 % 101 for n in range(12)], "a": [n + 0.5 for n in range(12)], "label": [0, 1] * 6}
    with pytest.raises(DataError, match=r"'user_id' has a different value.*Set ignore to \['user_id'\]"):
        source(tmp_path, **columns).load()
    for ignore in ("user_id", ("user_id",)):
        assert source(tmp_path, settings={"ignore": ignore}, **columns).load().train.shape == (1,)
    assert source(tmp_path, settings={"ignore": ()}, **columns).load().train.shape == (2,)


def messy(rows: int = 40) -> dict[str, Any]:
    """A table as pandas writes it: an identifier, times, dates as text, features, labels, a shuffled index."""
    return {
        "user_id": [n * 37 % 1009 + 5000 for n in range(rows)],
        "t": pa.array([n * 10**6 for n in range(rows)], pa.timestamp("us")),
        "day": [f"2024-01-{n % 28 + 1:02}" for n in range(rows)],
        "a": [n + 0.5 for n in range(rows)],
        "kind": ["cat", "dog"] * (rows // 2),
        "__index_level_0__": [(n * 7 + 3) % rows for n in range(rows)],
    }


@pytest.mark.parametrize("settings", [{"image": "image"}, {"image": "image", "ignore": ("t",)}, {}, {"label": "kind"}])
def test_one_message_lists_all_that_is_to_be_set(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        source(tmp_path, settings, **messy()).load()
    wanted = ["'day' has text", "Set ignore to ['user_id', 't', 'day', '__index_level_0__'] to leave them out."]
    wanted += ["'user_id' has a different value"] * ("ignore" not in settings)
    wanted += ["Set image to null"] * ("image" in settings) + ["Set label to 'kind'"] * ("label" not in settings)
    assert [words for words in wanted if words not in str(caught.value)] == []
    ignore = ("user_id", "t", "day", "__index_level_0__")
    assert source(tmp_path, {"label": "kind", "ignore": ignore}, **messy()).load().train.columns == ("a",)


def test_an_identifier_that_is_used_is_said(tmp_path: Path) -> None:
    data = source(tmp_path, {"label": "kind", "ignore": ("t", "day")}, **messy()).load().train
    used = [note for note in data.assumptions if "seems to identify or count the rows, and is used" in note]
    assert [("user_id" in note, "__index_level_0__" in note) for note in used] == [(True, False)]
    assert data.columns == ("user_id", "a")
    assert any("('__index_level_0__') is an index of pandas, so it is left out." in note for note in data.assumptions)


def test_the_same_table_has_the_same_verdict_in_csv(tmp_path: Path) -> None:
    columns = {name: cells for name, cells in messy().items() if name not in ("t", "day")}
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n")
    for ignore in (None, (), ("user_id",), ("user_id", "__index_level_0__")):
        table = Csv(path=str(tmp_path / "mine.csv"), label="kind", ignore=ignore)
        parquet = source(tmp_path, {"label": "kind", "ignore": ignore}, **columns)
        if ignore is None:
            for one in (table, parquet):
                with pytest.raises(DataError, match=r"'user_id'.*Set ignore to \['.*__index_level_0__'.*\]"):
                    one.load()
        else:
            first, second = table.load().train, parquet.load().train
            assert first.columns == second.columns
            counted = [sum("seems to identify" in note for note in data.assumptions) for data in (first, second)]
            assert counted[0] == counted[1] == (0 if ignore else 2)


def test_an_index_that_stops_counting_is_refused(tmp_path: Path) -> None:
    columns = {"index": [*range(1500), *range(500)], "a": [0.5] * 2000, "label": [0, 1] * 1000}
    with pytest.raises(DataError, match=r"'index' has the numbers of the rows only up to row 1499"):
        source(tmp_path, **columns).load()
