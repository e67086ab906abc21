"""Numbers that float32 does not tell apart are refused, with their column, wherever they come from."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from antivenom import Dataset
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.npz import Npz
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError

N = 40
TIMES = 1_700_000_000 + 7 * np.arange(N)
LABELS = np.arange(N) % 2


def from_array(folder: Path, times: Any) -> Dataset:
    return Dataset.from_arrays(np.stack([times, np.arange(N)], axis=1), LABELS)


def from_frame(folder: Path, times: Any) -> Dataset:
    return Dataset.from_arrays(pd.DataFrame({"t": times, "a": np.arange(N)}), LABELS)


def from_npz(folder: Path, times: Any) -> Dataset:
    np.savez(folder / "mine.npz", x=np.stack([times, np.arange(N)], axis=1), y=LABELS)
    return Npz(path=str(folder / "mine.npz")).load().train


def from_csv(folder: Path, times: Any) -> Dataset:
    pd.DataFrame({"t": times, "a": np.arange(N), "label": LABELS}).to_csv(folder / "mine.csv", index=False)
    return Csv(path=str(folder / "mine.csv"), label="label").load().train


def from_parquet(folder: Path, times: Any) -> Dataset:
    pd.DataFrame({"t": times, "a": np.arange(N), "label": LABELS}).to_parquet(folder / "mine.parquet", index=False)
    return Parquet(path=str(folder / "mine.parquet"), image=None).load().train


@pytest.mark.parametrize("read", [from_array, from_frame, from_npz, from_csv, from_parquet])
@pytest.mark.parametrize("times", [TIMES, TIMES.astype(float), TIMES + 0.25], ids=["whole", "float", "fractions"])
def test_times_that_become_equal_are_refused_with_their_column(tmp_path: Path, read: Any, times: Any) -> None:
    with pytest.raises(
        DataError, match=r"[Cc]olumn .*(0|'t').*of 40 different values become equal.*value, 1,700,000,000[.,]"
    ):
        read(tmp_path, times)
    assert not any("float32" in note for note in read(tmp_path, times - TIMES.min()).assumptions)


@pytest.mark.parametrize("read", [from_array, from_csv, from_parquet])
def test_numbers_beyond_a_double_are_refused_too(tmp_path: Path, read: Any) -> None:
    with pytest.raises(DataError, match=r"39 of 40 different values become equal.*Subtract"):
        read(tmp_path, 1_700_000_000_000_000_000 + np.arange(N))


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_two_neighbours_are_refused(kind: type) -> None:
    with pytest.raises(DataError, match=r"Column 0 of x .*1 of 2 different values"):
        Dataset.from_arrays(np.array([[16777217], [16777216]], kind), [0, 1])


def test_a_few_equal_numbers_of_many_are_said() -> None:
    x = np.random.default_rng(0).integers(0, 10**9, (20_000, 1))
    (note,) = Dataset.from_arrays(x, np.arange(len(x)) % 2).assumptions
    assert "8 of 20,000 different values become equal" in note
    fractions = np.random.default_rng(0).normal(size=(20_000, 2))
    assert Dataset.from_arrays(fractions, np.arange(len(x)) % 2).assumptions == ()


def test_a_number_out_of_range_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a,label\n1,0\n1e39,1\n")
    with pytest.raises(DataError, match=r"line 3, column 'a' must contain numbers up to 3.4e38"):
        Csv(path=str(tmp_path / "mine.csv"), label="label").load()
