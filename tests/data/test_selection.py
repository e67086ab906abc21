"""Rows are chosen in every usual form, or the form is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from antivenom import Dataset, Rng
from antivenom.data import Splits
from antivenom.data.selection import check_split
from antivenom.errors import DataError

DATA = Dataset.from_arrays(np.arange(12.0).reshape(6, 2), [0, 1, 2] * 2)

FORMS: dict[str, tuple[Any, list[int]]] = {
    "a list": ([0, 5], [0, 5]),
    "a list from the end": ([-1, 0], [5, 0]),
    "no rows": ([], []),
    "a tuple": ((2,), [2]),
    "a range": (range(1, 3), [1, 2]),
    "a slice": (slice(0, 3), [0, 1, 2]),
    "a slice backwards": (slice(None, None, -2), [5, 3, 1]),
    "an array": (np.array([4, 0]), [4, 0]),
    "an array of int32": (np.array([4, 0], np.int32), [4, 0]),
    "a mask": (np.array([1, 0, 0, 0, 0, 1], bool), [0, 5]),
    "a list of bools": ([True, False, False, False, True, False], [0, 4]),
    "a tensor": (torch.tensor([3, 3]), [3, 3]),
    "a tensor of int32": (torch.tensor([3], dtype=torch.int32), [3]),
    "a mask of torch": (torch.arange(6) > 3, [4, 5]),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_chosen_in_every_usual_form(form: str) -> None:
    rows, ids = FORMS[form]
    part = DATA.subset(rows)
    assert part.ids.tolist() == ids
    assert part.x[:, 0].tolist() == [2.0 * number for number in ids]
    assert part.y.tolist() == [number % 3 for number in ids]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (3, "got int"),
        ("ab", "got str"),
        (None, "got NoneType"),
        ([0.5], "got float64"),
        ([[0, 1]], r"the shape \(1, 2\)"),
        (np.array([1, 0, 1], np.uint8), "uint8 can be both"),
        (torch.zeros(6, dtype=torch.uint8), "uint8 can be both"),
        ([6], "from 0 to 5; got 6"),
        (torch.tensor([0, 9]), "from 0 to 5; got 9"),
        ([-7], "from 0 to 5; got -7"),
        ([True], "for each of the 6 rows; got 1"),
        (torch.ones(7) > 0, "for each of the 6 rows; got 7"),
    ],
)
def test_other_forms_are_refused(rows: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        DATA.subset(rows)


def of(train: Any, test: Any) -> Splits:
    """Splits of any objects. The tests check the types of arguments, which would hide the message."""
    splits = object.__new__(Splits)
    object.__setattr__(splits, "train", train)
    object.__setattr__(splits, "test", test)
    splits.__post_init__()
    return splits


def test_splits_of_other_things_are_refused() -> None:
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(DATA.x, DATA.y))
    with pytest.raises(DataError, match=r"train must be a Dataset of antivenom; got DataLoader.*loader\.dataset"):
        of(loader, loader)
    with pytest.raises(DataError, match="test must be a Dataset of antivenom; got tuple"):
        of(DATA, (DATA.x, DATA.y))


@pytest.mark.parametrize("share", [0.0, 1.0, 1.5, -0.1])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(DataError, match=r"share must be a number in \(0, 1\)"):
        DATA.split(share, Rng(0))
    for wrong in ("a", True, None):
        with pytest.raises(DataError, match="share must be"):
            check_split(wrong, Rng(0))
    with pytest.raises(DataError, match=r"rng must be an Rng, such as Rng\(0\); got int"):
        check_split(0.5, 0)
