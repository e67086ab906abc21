"""Names of classes that are whole numbers are in the order of the numbers; otherwise the data says so."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from antivenom import Dataset
from antivenom.data.samples import from_torch
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError


def made(y: Any, **settings: Any) -> Dataset:
    return Dataset.from_arrays(np.zeros((len(y), 2)), y, **settings)


def about(data: Dataset) -> list[str]:
    return [note for note in data.assumptions if "Settings such as target" in note]


def test_class_folders_with_numbers_are_in_the_order_of_the_numbers(tmp_path: Path) -> None:
    for name in range(12):
        (tmp_path / str(name)).mkdir()
        for number in range(2):
            Image.new("L", (4, 4), name * 20).save(tmp_path / str(name) / f"{number}.png")
    data = Folder(path=str(tmp_path), mode="grey").load().train
    assert data.classes == tuple(map(str, range(12)))
    assert data.x[data.y == 7].max() == 140
    assert not about(data)
    (tmp_path / "11").rename(tmp_path / "12")
    (note,) = about(Folder(path=str(tmp_path)).load().train)
    assert "Class 11 has the name '12'. Settings such as target take the class numbers 0 to 11." in note


@pytest.mark.parametrize("labels", [["2", "10", "9"], ["2", "10", "09"], np.array(["2", "10", "9"])])
def test_text_that_is_whole_numbers_is_in_their_order(labels: Any) -> None:
    data = made(labels)
    assert [int(name) for name in data.classes] == [2, 9, 10]
    assert data.y.tolist() == [0, 2, 1]
    assert "Class 0 has the name '2', class 1 the name" in about(data)[0]
    assert not about(made(["1", "0", "2"]))
    assert not about(made(["1st", "0", "2"]))


def test_every_reader_says_that_names_and_numbers_differ(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(9) + 0.5, "label": [1, 2, 5] * 3})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    frame.to_parquet(tmp_path / "mine.parquet", index=False)
    several = [
        made([1, 2, 5], renumber=True),
        Csv(path=str(tmp_path / "mine.csv")).load().train,
        Parquet(path=str(tmp_path / "mine.parquet"), image=None).load().train,
        from_torch([(torch.zeros(2), label) for label in range(3)], classes=["1", "2", "5"]),
    ]
    assert all("class 2 the name '5'" in about(data)[0] for data in several)


def test_categories_keep_their_order() -> None:
    sizes = pd.Categorical(["low", "high", "mid"] * 2, categories=["low", "mid", "high", "none"])
    for y in (sizes, pd.Series(sizes)):
        data = made(y)
        assert data.classes == ("low", "mid", "high")
        assert data.y.tolist() == [0, 2, 1] * 2
        assert "The classes have the order of the categories: low, mid, high." in data.assumptions[-1]
    assert made(sizes, classes=["high", "low", "mid"]).classes == ("high", "low", "mid")
    assert made(pd.Categorical(["2", "10", "9"])).classes == ("2", "9", "10")  # pandas sorts them as text
    assert made(pd.Categorical(["2", "10", "9"], categories=["9", "2", "10"])).classes == ("9", "2", "10")
    with pytest.raises(DataError, match="same categories"):
        Dataset.several_from_arrays([(np.zeros((6, 2)), sizes), (np.zeros((2, 2)), ["low", "mid"])])


def test_numbers_inside_names_are_in_their_order(tmp_path: Path) -> None:
    assert made([f"class{number}" for number in range(12)]).classes == tuple(f"class{number}" for number in range(12))
    assert not about(made([f"class{number}" for number in range(12)]))
    (note,) = about(made(["class1", "class2", "class10"]))
    assert note.startswith("Class 0 has the name 'class1', class 1 the name 'class2', class 2 the name 'class10'.")
    assert made(["b", "a10", "a9", "a"]).classes == ("a", "a9", "a10", "b")
    assert not about(made(["cifar10", "mnist", "svhn2"]))
    names = [*"012", *map(str, range(4, 12)), "other"]
    for name in names:
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("L", (4, 4)).save(tmp_path / name / f"{number}.png")
    data = Folder(path=str(tmp_path)).load().train
    assert data.classes == tuple(names)
    assert "Class 3 has the name '4'" in about(data)[0]


@pytest.mark.parametrize("ordered", [True, False])
def test_categories_in_a_parquet_file_keep_their_order(tmp_path: Path, ordered: bool) -> None:
    values = ["low", "high", "mid"] * 200
    sizes = pd.Categorical(values, categories=["low", "mid", "high", "none"], ordered=ordered)
    frame = pd.DataFrame({"a": np.arange(600) % 7 + 0.5, "label": sizes})
    frame.to_parquet(tmp_path / "mine.parquet", row_group_size=100)
    data = Parquet(path=str(tmp_path / "mine.parquet"), image=None).load().train
    assert data.classes == ("low", "mid", "high")
    assert any("The classes have the order of the categories: low, mid, high." in note for note in data.assumptions)
    frame.assign(label=values).to_parquet(tmp_path / "text.parquet")
    assert Parquet(path=str(tmp_path / "text.parquet"), image=None).load().train.classes == ("high", "low", "mid")
