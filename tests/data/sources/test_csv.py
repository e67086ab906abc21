"""Your own tables in CSV files."""

import csv
from pathlib import Path

import pytest

from antivenom.data.sources.csv import Csv
from antivenom.errors import DataError


def test_a_table_of_numbers(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    rows = [[0.5, "dog", -1], [1e3, "cat", 2], [3, "dog", 4], [5, "cat", 6]]
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["a", "kind", "b"], *rows])
    splits = Csv(path=str(file), label="kind", test_path=str(file)).load()
    assert splits.train.x.tolist() == [[0.5, -1], [1000, 2], [3, 4], [5, 6]]
    assert splits.train.y.tolist() == [1, 0, 1, 0]
    assert splits.train.classes == ("cat", "dog")
    assert len(Csv(path=str(file), label="kind").load().test) == 1


def test_whole_numbers_are_class_numbers(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,label\n" + "".join(f"{n},{n}\n" for n in (0, 2, 10, 2)))
    data = Csv(path=str(file), test_path=str(file)).load().train
    assert data.y.tolist() == [0, 1, 2, 1]
    assert data.classes == ("0", "2", "10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with a line"),
        ("a\n1\n", "must begin with a line"),
        ("a,a\n1,2\n", "different column names"),
        ("a,b\n", "at least one row"),
        ("a,b\n1\n", "line 2 must have 2 columns"),
        ("a,label\nx,1\n", "line 2, column 'a' must contain finite numbers; got 'x'"),
        ("a,label\n1,0\nnan,1\n", "line 3, column 'a' has no value; got 'nan'"),
        ("a,label\n1e999,1\n", "line 2, column 'a' must contain finite numbers; got '1e999'"),
        ('a,b\n"1,2\n', "not a CSV file"),
        ("a,b\n\ud800,1\n", "must be UTF-8"),
    ],
)
def test_a_table_says_where_it_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(DataError, match=message):
        Csv(path=str(file)).load()
