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
