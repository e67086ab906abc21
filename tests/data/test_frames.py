"""Tables of pandas and polars: every type of number is read, and a message names all other columns."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from antivenom import Dataset
from antivenom.errors import DataError

LABELS = [0, 1, 0, 1]


def made(columns: Any) -> Dataset:
    return Dataset.from_arrays(columns if hasattr(columns, "columns") else pd.DataFrame(columns), LABELS)


NUMBERS: dict[str, Any] = {
    "bool": [True, False, True, False],
    "nullable bool": pd.array([True, False, True, False], "boolean"),
    "nullable float": pd.array([1.0, 0, 1, 0], "Float64"),
    "nullable int": pd.array([1, 0, 1, 0], "Int64"),
    "objects": pd.Series([1, 0.0, True, np.int64(0)], dtype=object),
    "arrow": pd.array([1.0, 0, 1, 0], "double[pyarrow]"),
    "int8": np.array([1, 0, 1, 0], np.int8),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_every_type_of_number_is_read(kind: str) -> None:
    data = made({"a": [0.5, 1.5, 2.5, 3.5], "b": NUMBERS[kind]})
    assert data.x.tolist() == [[0.5, 1], [1.5, 0], [2.5, 1], [3.5, 0]]
    assert data.columns == ("a", "b")
    assert data.assumptions == ()
    assert made({"b": NUMBERS[kind]}).x.tolist() == [[1], [0], [1], [0]]


OTHERS: dict[str, tuple[Any, str]] = {
    "text": (["u", "v", "w", "x"], "'b' has text"),
    "categories": (pd.Categorical(["u", "v", "u", "v"]), "'b' has text"),
    "dates": (pd.date_range("2024-01-01", periods=4), r"'b' has dates or times \(datetime64"),
    "no number": (pd.array([1.0, None, 1, 0], "Float64"), "'b' has no value in 1 of 4 rows"),
    "nan": ([1, np.nan, 1, 0], "'b' has no value in 1 of 4 rows"),
    "infinity": ([1, np.inf, 1, 0], "'b' has inf in row 1"),
    "complex numbers": ([1j, 0, 0, 0], "'b' has values of the type complex"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_columns_are_named_with_the_way_out(kind: str) -> None:
    values, words = OTHERS[kind]
    frame = pd.DataFrame({"a": [0.5, 1.5, 2.5, 3.5], "b": values, "c": list("wxyz")})
    with pytest.raises(DataError, match=rf"{words}.*, 'c' has text\. Drop them, .*x\.drop\(columns=\['b', 'c'\]\)"):
        made(frame)
    assert made(frame.drop(columns=["b", "c"])).shape == (1,)


def test_identifiers_and_numbers_that_become_equal_are_seen() -> None:
    frame = pd.DataFrame({"user_id": np.arange(40) * 37 % 101, "a": np.arange(40) + 0.5})
    (note,) = Dataset.from_arrays(frame, [0, 1] * 20).assumptions
    assert (
        note == "Column 0 ('user_id') seems to identify or count the rows, and is used. Drop it if it identifies rows."
    )
    times = pd.DataFrame({"t": 1_700_000_000_000_000_000 + 7 * np.arange(40), "a": np.arange(40) + 0.5})
    with pytest.raises(DataError, match=r"The column 't' .*39 of 40 different values"):
        Dataset.from_arrays(times, [0, 1] * 20)


def test_names_that_occur_twice_are_told_apart() -> None:
    frame = pd.DataFrame([[1, "x"], [2, "y"], [3, "z"], [4, "w"]], columns=["a", "a"])
    with pytest.raises(DataError, match=r"'a \(column 1\)' has text"):
        made(frame)


def test_arrays_of_objects_name_the_column() -> None:
    with pytest.raises(DataError, match=r"got object\. Column 1 has 'x'"):
        Dataset.from_arrays(np.array([[1, "x"], [2, "y"]], object), [0, 1])
    with pytest.raises(DataError, match=r"Pass x\.astype\(float\)"):
        Dataset.from_arrays(np.array([[1], [2]], object), [0, 1])


def test_tables_of_polars() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    assert made(polars.DataFrame({"a": [1, 2, 3, 4], "b": [True, False] * 2})).x[:, 1].tolist() == [1, 0, 1, 0]
    with pytest.raises(DataError, match="'b' has text, 'c' has no value in 1 of 4 rows"):
        made(polars.DataFrame({"a": [1, 2, 3, 4], "b": list("abcd"), "c": [1, None, 2, 3]}))


def test_the_advice_about_columns_fits_what_they_have() -> None:
    with pytest.raises(DataError, match=r"or fill missing values, or drop their rows\.$"):
        Dataset.from_arrays(pd.DataFrame({"a": [1, None], "b": [1, 2]}), [0, 1])
    with pytest.raises(DataError, match=r"or make them numbers, such as one column of 0 and 1 for each text\.$"):
        Dataset.from_arrays(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}), [0, 1])
