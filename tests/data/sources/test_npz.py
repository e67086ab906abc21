"""Data sets in .npz files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antivenom.data.sources.npz import Npz
from antivenom.errors import DataError

X, Y = np.arange(48, dtype=np.uint8).reshape(12, 2, 2), np.arange(12) % 3


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.npz"


def test_a_share_is_kept_for_testing_and_nothing_is_lost(file: Path) -> None:
    np.savez(file, x=X, y=Y)
    splits = Npz(path=str(file), test_share=0.25).load()
    assert (len(splits.train), len(splits.test)) == (9, 3)
    assert sorted([*splits.train.ids.tolist(), *splits.test.ids.tolist()]) == list(range(12))
    assert torch.equal(splits.train.x[:, 0], torch.tensor(X)[splits.train.ids])
    again = Npz(path=str(file), test_share=0.25).load()
    assert again.train.fingerprint == splits.train.fingerprint


def test_a_test_set_of_its_own_is_taken_and_shares_the_classes(file: Path) -> None:
    arrays = {"x": X[:6], "y": Y[:6] % 2, "x_test": X[6:], "y_test": Y[6:]}
    np.savez(file, **arrays)
    with pytest.raises(DataError, match=r"The test set has labels without training rows: 2\..*npz files, `classes`"):
        Npz(path=str(file)).load()
    np.savez(file, **arrays, classes=["0", "1", "2"])
    splits = Npz(path=str(file)).load()
    assert (len(splits.train), len(splits.test)) == (6, 6)
    assert splits.train.classes == splits.test.classes == ("0", "1", "2")


@pytest.mark.parametrize("names", [["a", "b", "c"], [b"a", b"b", b"c"], np.array(["a", "b", "c"], "<U9")])
def test_classes_may_have_names(file: Path, names: Any) -> None:
    np.savez(file, x=X, y=Y, classes=names)
    assert Npz(path=str(file)).load().train.classes == ("a", "b", "c")


EMPTY = np.zeros((0, 2, 2), np.uint8)


BAD: dict[str, dict[str, Any]] = {
    "x_test alone": {"x": X, "y": Y, "x_test": X},
    "labels that are no numbers": {"x": X, "y": Y * np.nan},
    "test labels that are no numbers": {"x": X, "y": Y, "x_test": X, "y_test": Y * np.nan},
    "endless test labels": {"x": X, "y": Y, "x_test": X, "y_test": Y + np.inf},
    "text and numbers as labels": {"x": X, "y": Y, "x_test": X, "y_test": Y.astype(str)},
    "too few labels": {"x": X, "y": Y[:5]},
    "one row": {"x": X[:1], "y": Y[:1]},
    "no rows": {"x": EMPTY, "y": Y[:0]},
    "one number": {"x": 3, "y": 1},
    "dates": {"x": X.astype("M8[D]"), "y": Y},
    "a single name": {"x": X, "y": Y, "classes": "abc"},
    "a table of names": {"x": X, "y": Y, "classes": [["a", "b", "c"]]},
    "too few names": {"x": X, "y": Y, "classes": ["a"]},
    "names twice": {"x": X, "y": Y, "classes": ["a", "a", "b"]},
    "names that are no text": {"x": X, "y": Y, "classes": [b"\xff", b"b", b"c"]},
    "half a letter": {"x": X, "y": Y, "classes": ["\ud800", "b", "c"]},
    "another test shape": {"x": X, "y": Y, "x_test": X[:, :1], "y_test": Y},
    "not a number": {"x": X * np.nan, "y": Y},
}


@pytest.mark.parametrize("held", BAD.values(), ids=BAD.keys())
def test_arrays_that_are_no_data_set_are_refused_with_the_file(file: Path, held: dict[str, Any]) -> None:
    np.savez(file, **held)
    with pytest.raises(DataError) as caught:
        Npz(path=str(file)).load()
    assert str(file) in str(caught.value)


def test_empty_splits_of_a_file_are_refused(file: Path) -> None:
    np.savez(file, x=EMPTY, y=Y[:0], x_test=EMPTY, y_test=Y[:0])
    with pytest.raises(DataError, match="must have rows; got 0 and 0"):
        Npz(path=str(file)).load()


def test_a_label_that_no_whole_number_holds_is_refused(file: Path) -> None:
    np.savez(file, x=np.ones((12, 2)), y=np.full(12, 2**63, np.uint64))
    with pytest.raises(DataError, match=r"below 2\*\*63"):
        Npz(path=str(file)).load()


def test_wide_floats_are_read_as_float32(file: Path) -> None:
    np.savez(file, x=np.ones((12, 2), np.longdouble), y=Y.astype(np.longdouble))
    assert Npz(path=str(file)).load().train.x.dtype == torch.float32


def test_capital_letters_are_accepted_and_said(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    np.savez(file, X=np.zeros((8, 3)), Y=np.arange(8) % 2)
    splits = Npz(path=str(file)).load()
    assert splits.train.assumptions[0] == "The array X is read as x, and the array Y is read as y."
    np.savez(file, X=np.zeros((8, 3)), x=np.ones((8, 3)), y=np.arange(8) % 2)
    exact = Npz(path=str(file)).load().train
    assert exact.x.min() == 1
    assert exact.assumptions == ("These arrays are not used: X. Only x, y are read.",)


def test_other_names_of_arrays_are_refused_with_advice(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    np.savez(file, train_images=np.zeros((8, 3)), train_labels=np.arange(8) % 2)
    with pytest.raises(
        DataError, match=r"Its arrays are: train_images, train_labels. Save them with .*np.savez\(NEW_FILE, x="
    ):
        Npz(path=str(file)).load()


def test_the_names_of_keras_are_read_with_an_assumption(file: Path) -> None:
    np.savez(file, x_train=X, y_train=Y, x_test=X, y_test=Y)
    splits = Npz(path=str(file)).load()
    assert len(splits.train) == len(splits.test) == len(X)
    assert splits.train.assumptions[0] == "The array x_train is read as x, and the array y_train is read as y."


def test_arrays_that_are_not_used_have_an_assumption(file: Path) -> None:
    np.savez(file, x=X, y=Y, X=X, x_val=X, y_val=Y)
    notes = Npz(path=str(file)).load().train.assumptions
    assert notes[0] == "These arrays are not used: X, x_val, y_val. Only x, y are read."


def test_other_names_are_told_how_to_save_them(file: Path) -> None:
    np.savez(file, images=X, labels=Y)
    with pytest.raises(DataError, match=r"a = np\.load\(FILE\); np\.savez\(NEW_FILE, x=a\['images'\], y=…\)"):
        Npz(path=str(file)).load()


@pytest.mark.parametrize(
    ("start", "kind"), [(b"\x89HDF\r\n", "HDF5"), (b"\x93NUMPY\1", ".npy"), (b"\x80\4", "a pickle")]
)
def test_files_of_other_kinds_are_told_what_to_do(file: Path, start: bytes, kind: str) -> None:
    file.write_bytes(start + bytes(99))
    with pytest.raises(DataError, match=rf"is not an \.npz file.* It is .*{kind}.*Dataset\.from_arrays"):
        Npz(path=str(file)).load()
