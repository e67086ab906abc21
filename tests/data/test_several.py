"""Rows and labels that do not match, and columns that are equal to the labels."""

import numpy as np
import pandas as pd
import pytest

from antivenom import Dataset
from antivenom.errors import DataError

X = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": [4.5, 5.5, 6.5]})


def test_tables_and_labels_with_different_indexes_are_refused() -> None:
    turned = pd.Series([0, 1, 0], index=[2, 1, 0])
    with pytest.raises(DataError, match=r"row 0 has the index 0 in x, and 2 in y\. .*to_numpy.*y\.loc\[x\.index\]"):
        Dataset.from_arrays(X, turned)
    with pytest.raises(DataError, match="to_numpy") as caught:
        Dataset.from_arrays(X, pd.Series([0, 1, 0], index=[7, 8, 9]))
    assert ".loc" not in str(caught.value)
    with pytest.raises(DataError, match="x_test and y_test have different"):
        Dataset.several_from_arrays([(X, [0, 1, 0]), (X, turned)])
    assert Dataset.from_arrays(X, turned.loc[X.index]).y.tolist() == [0, 1, 0]
    assert len(Dataset.from_arrays(X, turned.to_numpy())) == len(Dataset.from_arrays(X.to_numpy(), turned)) == 3


@pytest.mark.parametrize("labels", [np.arange(12) % 3, np.array(["a", "b", "c"] * 4)])
def test_a_column_that_is_equal_to_the_labels_has_an_assumption(labels: np.ndarray) -> None:  # type: ignore[type-arg]
    rows = np.random.default_rng(0).random((12, 2))
    table = pd.DataFrame({"a": rows[:, 0], "code": 7 - np.arange(12) % 3, "b": rows[:, 1]})
    assert (
        "The column 'code' of x has a value of its own for each class"
        in Dataset.from_arrays(table, labels).assumptions[0]
    )
    assert "The column 1 of x" in " ".join(Dataset.from_arrays(table.to_numpy(), labels).assumptions)
    others = (table.assign(code=np.arange(12) % 3 // 2), table.drop(columns="code"), table.assign(code=1))
    for other in others:
        assert not any("of its own" in note for note in Dataset.from_arrays(other, labels).assumptions)
