"""Messages about files and samples name the way out, and what is inferred is an assumption."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from antivenom import Experiment
from antivenom.attacks import LabelFlip
from antivenom.data.samples import from_torch
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError
from antivenom.settings.fields import checked, fields_of

ROWS = "1,2.5,x\n3,4.5,y\n5,6.5,x\n7,8.5,y\n"


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_columns_with_one_name_can_be_ignored_by_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", f"a,a,label\n{ROWS}")
    with pytest.raises(DataError, match=r"the columns 0, 1 have the name 'a'\. .*set ignore to \[1\]"):
        Csv(path=path).load()
    assert Csv(path=path, ignore=(1,)).load().train.shape == (1,)


def test_empty_columns_of_a_spreadsheet_are_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{line};;\n" for line in f"a,b,label\n{ROWS}".replace(",", ";").splitlines())
    splits = Csv(path=written(tmp_path / "a.csv", rows), separator=";").load()
    assert splits.train.columns == ("a", "b")
    assert any("Columns without a name and without values are left out: 3, 4." in n for n in splits.assumptions)
    assert Csv(path=str(tmp_path / "a.csv"), separator=";", ignore="a").load().train.columns == ("b",)


@pytest.mark.parametrize("value", ["True", "false"])
def test_truth_values_are_told_1_and_0(tmp_path: Path, value: str) -> None:
    path = written(tmp_path / "a.csv", f"a,b,label\n1,{value},x\n2,{value},y\n")
    with pytest.raises(DataError, match=r"Write truth values as 1 and 0\."):
        Csv(path=path, label="label").load()


def test_a_test_file_with_another_separator_has_a_way_out(tmp_path: Path) -> None:
    text = f"a,b,label\n{ROWS}"
    train, test = written(tmp_path / "a.csv", text), written(tmp_path / "b.csv", text.replace(",", ";"))
    with pytest.raises(DataError, match=r"apply to both files, and .*a\.csv can be read with them: save .*b\.csv like"):
        Csv(path=train, test_path=test).load()


def test_columns_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [3.5, 4.5], "label": ["x", "y"]})
    other = frame[["b", "label", "a"]]
    frame.to_csv(tmp_path / "a.csv", index=False)
    other.to_csv(tmp_path / "b.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    other.to_parquet(tmp_path / "b.parquet")
    paths = {"path": str(tmp_path / "a.csv"), "test_path": str(tmp_path / "b.csv")}
    stored = {name: path.replace(".csv", ".parquet") for name, path in paths.items()}
    for source in (Csv(**paths), Parquet(**stored, image=None)):
        splits = source.load()
        assert torch.equal(splits.train.x, splits.test.x)
        assert splits.test.columns == ("a", "b")
        assert any("are matched by their names" in note for note in splits.test.assumptions)


def test_a_test_file_without_names_or_with_other_labels_is_refused(tmp_path: Path) -> None:
    train = written(tmp_path / "a.csv", f"a,b,label\n{ROWS}")
    with pytest.raises(DataError, match=r"Add the line of names at the top: a, b, label"):
        Csv(path=train, test_path=written(tmp_path / "b.csv", ROWS)).load()
    with pytest.raises(
        DataError, match=r"same columns as .*: a, b, label, with the labels in 'label'; got a, c, label"
    ):
        Csv(path=train, test_path=written(tmp_path / "b.csv", f"a,c,label\n{ROWS}")).load()


def test_large_whole_numbers_are_told_the_value_of_ignore(tmp_path: Path) -> None:
    lines = "".join(f"{20240101 + number % 28},{number},{'xy'[number % 2]}\n" for number in range(60))
    with pytest.raises(DataError, match=r"set ignore to \['day'.*\] to leave it out"):
        Csv(path=written(tmp_path / "a.csv", f"day,b,label\n{lines}"), ignore=()).load()
    frame = pd.DataFrame({"day": 20240101 + np.arange(60) % 28, "b": np.arange(60) % 7, "label": np.arange(60) % 2})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"set ignore to \['day'\] to leave it out"):
        Parquet(path=str(tmp_path / "a.parquet"), image=None).load()


def test_dropped_rows_are_not_told_like_advice(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", f"a,b,label\n{ROWS}9,9,\n")
    notes = Csv(path=path, missing_rows="drop").load().assumptions
    assert any("1 row has no label and is left out, because missing_rows is drop." in note for note in notes)


@pytest.mark.parametrize(
    ("content", "words"), [(b"", r"is empty: it has 0 bytes"), (b"x" * 99, "is not an image of the form")]
)
def test_damaged_images_have_plain_messages(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/1.png").write_bytes(content)
    with pytest.raises(DataError, match=rf"cat/1\.png {words}") as caught:
        Folder(path=str(tmp_path)).load()
    assert "BytesIO" not in str(caught.value)


def test_levels_of_an_index_have_an_assumption(tmp_path: Path) -> None:
    frame = pd.DataFrame({"year": [1, 2] * 4, "city": [3, 3, 4, 4] * 2, "a": np.arange(8) + 0.5, "label": [0, 1] * 4})
    frame.set_index(["year", "city"]).to_parquet(tmp_path / "a.parquet")
    data = Parquet(path=str(tmp_path / "a.parquet"), image=None).load().train
    for name in ("year", "city"):
        assert any(f"The column '{name}' is the index of the table in pandas" in note for note in data.assumptions)
    frame.to_parquet(tmp_path / "b.parquet")
    assert not any("index" in note for note in Parquet(path=str(tmp_path / "b.parquet"), image=None).load().assumptions)


class Augmented(torch.utils.data.Dataset[Any]):
    """Rows with noise that changes each time."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        return torch.zeros(3) + self.noise * torch.rand(3), index % 2


def test_random_augmentation_has_an_assumption() -> None:
    assert any("another row 0 each time" in note for note in from_torch(Augmented(1)).assumptions)
    assert not from_torch(Augmented(0)).assumptions


PAIRS = TensorDataset(torch.zeros(4, 3), torch.tensor([0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Subset(PAIRS, [0]), r"Splits\(train=from_torch\(TRAIN\)"),
        (ConcatDataset([PAIRS]), "from_torch"),
        ("digits", r"load\('digits'\)"),
        ("mine.npz", r"Npz\(path='mine\.npz'\)"),
        ("mine.csv", r"Csv\(path='mine\.csv'\)"),
    ],
)
def test_an_experiment_says_how_to_make_a_data_set(value: Any, words: str) -> None:
    field = next(each for each in fields_of(Experiment) if each.name == "dataset")
    _, problem = checked(field, value, "dataset")
    assert problem is not None
    assert re.search(words, problem)


def test_a_mapping_in_place_of_pairs_is_told_the_list() -> None:
    field = next(each for each in fields_of(LabelFlip) if each.name == "pairs")
    _, problem = checked(field, {0: 2}, "attack.pairs")
    assert problem is not None
    assert problem.endswith("got {0: 2}. Write pairs: [[0, 2]].")
