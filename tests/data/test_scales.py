"""A training set and a test set of different scales are refused; those of one scale are not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from antivenom import Dataset
from antivenom.data import Splits
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.npz import Npz
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError

RANDOM = np.random.default_rng(0)
Y = np.arange(40) % 2
UNIT = RANDOM.random((40, 1, 5, 5)).astype(np.float32)
BYTES = (UNIT * 255).astype(np.uint8)
STANDARD = ((UNIT - 0.5) / 0.29).astype(np.float32)


def made(x: Any, **settings: Any) -> Dataset:
    return Dataset.from_arrays(x, Y[: len(x)], **settings)


DIFFERENT = {
    "0 to 1 and 0 to 255": (made(UNIT), made(UNIT * 255)),
    "float and uint8": (made(UNIT * 255), made(BYTES)),
    "other bounds": (made(UNIT, bounds=(0, 1)), made(UNIT * 255, bounds=(0, 255))),
    "standardised and 0 to 1": (made(STANDARD), made(UNIT)),
    "standardised and bounds": (made(STANDARD), made(UNIT, bounds=(0, 1))),
    "-1 to 1 and 0 to 1": (made(UNIT * 2 - 1), made(UNIT)),
    "16 and 255": (made(np.rint(UNIT * 16)), made(np.rint(UNIT * 255))),
    "wide bounds that are not filled": (made(UNIT * 255, bounds=(0, 255)), made(UNIT, bounds=(0, 255))),
    "uint8 of 0 and 1": (made(BYTES), made((UNIT > 0.5).astype(np.uint8))),
    "tables": (made(UNIT.reshape(40, -1) * 255), made(UNIT.reshape(40, -1))),
    "sparse": (made(UNIT * (UNIT > 0.99)), made(UNIT * (UNIT > 0.99) * 255)),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", DIFFERENT)
def test_different_scales_are_refused_with_what_was_seen(name: str, turned: bool) -> None:
    train, test = reversed(DIFFERENT[name]) if turned else DIFFERENT[name]
    with pytest.raises(
        DataError, match=r"rows of one scale; got .* from .*bounds.*\(train\) and .* from .*\(test\)\. "
    ):
        Splits(train=train, test=test)


def columns(scale: float) -> Any:
    """A table in which one column has heavy tails."""
    return np.stack([RANDOM.random(40), RANDOM.random(40) * scale, RANDOM.random(40)], axis=1)


ALIKE = {
    "equal ranges": (made(UNIT), made(UNIT[:20])),
    "uint8 and fractions": (made(BYTES), made(UNIT)),
    "uint8 and fractions with bounds": (made(BYTES), made(UNIT, bounds=(0, 1))),
    "the same wide bounds explain negative values": (made(STANDARD, bounds=(-9, 9)), made(UNIT, bounds=(-9, 9))),
    "one column is wider": (made(columns(1e6)), made(columns(1e4))),
    "few rows": (made(STANDARD), made(UNIT[:4])),
    "dark images": (made(BYTES), made(BYTES // 12)),
    "a black test set": (made(UNIT), made(UNIT * 0)),
    "few negative values": (made(np.where(UNIT > 0.95, -UNIT, UNIT)), made(UNIT)),
}


@pytest.mark.parametrize("name", ALIKE)
def test_equal_scales_are_accepted(name: str) -> None:
    train, test = ALIKE[name]
    assert Splits(train=train, test=test)
    assert Splits(train=test, test=train)


def test_files_of_different_scales_are_refused(tmp_path: Path) -> None:
    flat = UNIT.reshape(40, -1)
    arrays = {"x": UNIT, "y": Y, "x_test": UNIT * 255, "y_test": Y}
    np.savez(tmp_path / "a.npz", **arrays)
    for scale in (1, 255):
        frame = pd.DataFrame(flat * scale, columns=[f"c{number}" for number in range(25)]).assign(label=Y)
        frame.to_csv(tmp_path / f"{scale}.csv", index=False)
        frame.to_parquet(tmp_path / f"{scale}.parquet")
    sources = (
        Npz(path=str(tmp_path / "a.npz")),
        Csv(path=str(tmp_path / "1.csv"), test_path=str(tmp_path / "255.csv")),
        Parquet(path=str(tmp_path / "1.parquet"), test_path=str(tmp_path / "255.parquet"), image=None),
    )
    for source in sources:
        with pytest.raises(DataError, match=r"must have rows of one scale"):
            source.load()


def test_assumptions_say_which_set_they_are_about(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=UNIT[:, 0], y=Y, x_test=UNIT[:20, 0], y_test=Y[:20])
    notes = Npz(path=str(tmp_path / "a.npz")).load().assumptions
    assert [note.partition(":")[0] for note in notes] == [
        "x has the shape (40, 5, 5)",
        "x_test has the shape (20, 5, 5)",
    ]
    splits = Splits(train=made(UNIT[:, 0]), test=made(UNIT[:20, 0]))
    assert splits.assumptions[1].startswith("Test set: x has the shape (20, 5, 5)")
    with pytest.raises(DataError, match=r"^x_test must contain finite numbers"):
        Dataset.several_from_arrays([(UNIT, Y), (UNIT * np.nan, Y)])
    with pytest.raises(DataError, match=r"^y_test: Row 0 has no label"):
        Dataset.several_from_arrays([(UNIT, Y), (UNIT, Y * np.nan)])


def test_assumptions_about_a_test_file_name_it(tmp_path: Path) -> None:
    rows = "a,b,label\n1,2,x\n3,4,y\n5,6,x\n"
    (tmp_path / "train.csv").write_text(rows)
    (tmp_path / "test.csv").write_text(rows + "7,8,\n")
    source = Csv(path=str(tmp_path / "train.csv"), test_path=str(tmp_path / "test.csv"), missing_rows="drop")
    splits = source.load()
    assert not any("left out" in note for note in splits.train.assumptions)
    (note,) = splits.test.assumptions
    assert "test.csv: 1 row has no label and is left out" in note


@pytest.mark.parametrize("labels", [(["a", "b"], ["a", "c"]), ([0, 2], [0, 1]), ([0, 1], [1, 2])])
def test_a_class_without_training_rows_is_refused(labels: Any, tmp_path: Path) -> None:
    train, test = labels
    new = repr(next(label for label in test if label not in train))
    for name, values in (("train", train), ("test", test)):
        frame = pd.DataFrame({"a": [1.5, 2.5], "label": values})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        frame.to_parquet(tmp_path / f"{name}.parquet")
    x = np.zeros((2, 3))
    np.savez(tmp_path / "a.npz", x=x, y=train, x_test=x, y_test=test)
    paths = {"path": str(tmp_path / "train.csv"), "test_path": str(tmp_path / "test.csv")}
    stored = {name: path.replace("csv", "parquet") for name, path in paths.items()}
    for source in (Csv(**paths), Parquet(**stored, image=None), Npz(path=str(tmp_path / "a.npz"))):
        with pytest.raises(DataError, match=rf"The test set has labels without training rows: {new}\."):
            source.load()
    classes = [*train, *test] if isinstance(train[0], str) else 3
    made = Dataset.several_from_arrays(
        [(x, train), (x, test)], classes=list(dict.fromkeys(classes)) if isinstance(classes, list) else 3
    )
    assert len(made[0].classes) == 3


def test_samples_of_large_sets_are_compared() -> None:
    x = torch.zeros(400, 1, 32, 32)
    x[:, 0, 16:] = 0.5
    with pytest.raises(DataError, match="one scale"):
        Splits(train=Dataset.from_arrays(x, np.arange(400) % 2), test=Dataset.from_arrays(x * 255, np.arange(400) % 2))
