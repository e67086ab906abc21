"""CSV files that spreadsheets open: no text is a formula, and antivenom reads its own files back."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from antivenom.data.cells import cell_text, safe_cell
from antivenom.data.sources.csv import Csv
from antivenom.storage.tables import csv_text

FORMULAS = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    '=HYPERLINK("a")',
    "＝1",
    "'=1",
    "-",
]
OTHERS = ["-1.5", "1e-3", "-inf", "+5", "-nan", "a=1", "", "'tis", " =", "a@b.c"]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_marked_in_cells_and_in_names_of_columns(text: str) -> None:
    rows = list(csv.reader(StringIO(csv_text([{text: text, "n": -1.5}]), newline="")))
    assert rows == [["'" + text, "n"], ["'" + text, "-1.5"]]
    assert cell_text(rows[1][0]) == text


@pytest.mark.parametrize("text", OTHERS)
def test_other_text_and_numbers_stay(text: str) -> None:
    assert safe_cell(text) == text == cell_text(safe_cell(text))


def test_numbers_stay() -> None:
    values = {"a": -1.5, "b": 1e-30, "c": float("-inf"), "d": -3, "e": True, "f": None}
    assert csv_text([values]).splitlines()[1] == "-1.5,1e-30,-inf,-3,True,"


def test_the_data_set_csv_reads_marked_labels_back(tmp_path: Path) -> None:
    rows = [{"x": number / 7, "y": -number / 3, "label": ("=a", "@b")[number % 2]} for number in range(40)]
    (tmp_path / "rows.csv").write_text(csv_text(rows))
    assert Csv(path=str(tmp_path / "rows.csv"), label="label").load().train.classes == ("=a", "@b")
