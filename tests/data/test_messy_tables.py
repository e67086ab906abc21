"""Messy tables of real users are read correctly, or refused with what was seen and the setting that decides."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from antivenom.data.sources.csv import Csv
from antivenom.errors import DataError
from antivenom.settings import build

ROWS = 20


def table(folder: Path, head: str, row: str, **settings: Any) -> Csv:
    """A table of 20 rows. `row` is formatted with its number `n` and `s`, a number that differs in each row."""
    lines = [head] * bool(head) + [row.format(n=n, s=(n + 3) * 37 % 101, b=n % 2) for n in range(ROWS)]
    (folder / "mine.csv").write_text("\n".join(lines) + "\n")
    return Csv(path=str(folder / "mine.csv"), **settings)


REFUSED: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "names are a feature": (
        "name,ill,a", "Pupil {n},{b},{n}.5", r"line 2, column 'name' .*got 'Pupil 0'.*Set ignore to \['name'\]",
        {"ignore": ["name"]},
    ),
    "dates are a feature": ("day,ill,a", "2024-01-{s},{b},{n}.5", r"Set ignore to \['day'\]", {"ignore": ["day"]}),
    "names beside two columns of few numbers": (
        "name,sex,ill", "Pupil {n},{b},{b}", "several columns that can be the labels: sex, ill.*Set label.*Set ignore",
        {"label": "ill", "ignore": ["name"]},
    ),
    "names alone": ("name,a", "Pupil {n},{n}.5", "no column that is clearly.*'name'.*different text", {}),
    "names in the column label": ("label,a,ill", "Pupil {n},{n}.5,{b}", r"column 'label' .*Set ignore", {}),
    "an identifier": ("user_id,a,label", "{s},{n}.5,{b}", r"'user_id'.*Set ignore to \['user_id'\]",
        {"ignore": "user_id"}),
    "an identifier in camel case": ("PassengerId,a,label", "{s},{n}.5,{b}", r"\['PassengerId'\]", {"ignore": [0]}),
    "an identifier and names": ("name,key,label", "Ann {n},{s},{b}", r"\['name', 'key'\]", {}),
    "an identifier of text": ("uuid,a,label", "x{s},{n}.5,{b}", r"'uuid'.*as an identifier", {"ignore": ["uuid"]}),
    "no value": ("a,b,label", "{n}.5,,{b}", r"line 2, column 'b' has no value.*\['b'\]", {"ignore": ["b"]}),
    "minus one": ("a,label", "{n}.5,-{n}", r"line 3 has the label -1", {}),
    "fractions as labels": ("a,label", "{n},{n}.5", r"Column 1 \('label'\) must be whole numbers or names", {}),
    "no names": ("a,b,label", "1,{s}.5,{b}", "Set header to true if line 1", {}),
    "decimal commas in one column too many": ("a,b,label", "1,5,{s},1", "must have 3 columns.*separator is ','", {}),
    "semicolons": ("a;b;label", "1,5;2,{s};{b}", "separated by ';'. Set separator.*set decimal to ','",
        {"separator": ";", "decimal": ","}),
    "decimal commas": ("a;b;label", "1,5;2,{s};{b}", "1,5 is a number, set decimal to ','|column 'a'.*decimal",
        {"separator": ";", "decimal": ","}),
    "a title": ("", "My table\na,label\n1,2", "Is line 1 a title", {}),
    "measurements as labels": ("a,label", "{n}.5,{s}0", "as measurements have", {}),
}  # fmt: skip

FIRST: dict[str, dict[str, Any]] = {
    "no names": {"header": False},
    "decimal commas": {"separator": ";"},
    "minus one": {},
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_message_says_what_was_seen_and_the_setting(kind: str, tmp_path: Path) -> None:
    head, row, words, settings = REFUSED[kind]
    if kind == "measurements as labels":
        (tmp_path / "mine.csv").write_text("a,label\n" + "".join(f"{n}.5,{n * 10 + 3}\n" for n in range(40)))
        source = Csv(path=str(tmp_path / "mine.csv"))
    else:
        source = table(tmp_path, head, row, **FIRST.get(kind, {}))
    with pytest.raises(DataError, match=words):
        source.load()
    if settings:
        assert len(table(tmp_path, head, row, **settings).load().train) == 15


def test_the_values_with_decimal_commas_are_right(tmp_path: Path) -> None:
    source = table(tmp_path, "a;b;label", "1,5;-2,{s};{b}", separator=";", decimal=",", test_share=0.5)
    splits = source.load()
    assert set(splits.train.x[:, 0].tolist()) == {1.5}
    assert float(splits.train.x[:, 1].max()) < -2
    with pytest.raises(DataError, match=r"line 2, column 'a' .*got '1.234,5'. Remove the points of thousands"):
        table(tmp_path, "a;label", "1.234,5;{b}", separator=";", decimal=",").load()
    with pytest.raises(DataError, match=r"It looks separated by ';'"):
        table(tmp_path, "a;label", "1;{b}", decimal=",").load()
    with pytest.raises(DataError, match=r"separator must not be '\.'"):
        table(tmp_path, "a.label", "1.{b}", separator=".").load()


def test_decimal_commas_in_quotes_can_stand_beside_separating_commas(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"column 'b' .*got '0,5'\. If this is a number, set decimal to ','"):
        table(tmp_path, "a,b,label", '"0","{n},5","{b}"').load()
    data = table(tmp_path, "a,b,label", '"0","{n},5","{b}"', decimal=",").load().train
    assert float(data.x[:, 1].max()) % 1 == 0.5
    with pytest.raises(DataError, match=r"no number with a decimal comma is in quotes"):
        table(tmp_path, "a,b,label", "1,{s},{b}", decimal=",").load()
    with pytest.raises(DataError, match=r"line 2 must have 3 columns, as line 1; got 4.*write them in quotes"):
        table(tmp_path, "a,b,label", "0,{n},5,{b}", decimal=",").load()


HINTS = {
    "1.234,5": r"Remove the points of thousands, and set decimal to ','\.",
    "1.234.567": r"Remove the points of thousands, and set decimal to ','\.",
    "1,234.5": r"Remove the commas of thousands\.",
    "1,234,567": r"Remove the commas of thousands\.",
    "1,234": r"set decimal to ','\. If its comma means thousands, remove it\.",
    "0.00%": "Remove the signs %",
    "12 %": "Remove the signs %",
    "$ 5.00": "Remove the currency",
    "5,00 EUR": "Remove the currency",
    "1 234,5": "Remove the spaces of thousands",
    "1'234": "Remove the apostrophes of thousands",
    "1_234": "Remove the underscores",
}


@pytest.mark.parametrize("cell", HINTS)
def test_the_message_about_a_cell_has_the_right_cause(cell: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"line 2, column 'a' .*{HINTS[cell]}.*Set ignore to \['a'\]"):
        table(tmp_path, "a;b;label", cell + ";{n};{b}", separator=";", label="label").load()
    ignored = table(tmp_path, "a;b;label", cell + ";{n};{b}", separator=";", label="label", ignore=("a",))
    assert ignored.load().train.shape == (1,)


def test_points_beside_decimal_commas_matter_only_in_numbers_that_are_used(tmp_path: Path) -> None:
    settings = {"separator": ";", "decimal": ",", "label": "label"}
    with pytest.raises(DataError, match=r"line 2, column 'label' has the label '0\.0', but decimal is ','"):
        table(tmp_path, "a;label", "{n},5;{b}.0 ", **settings).load()
    with pytest.raises(DataError, match=r"line 2, column 'b' .*got '1\.5'\. The setting decimal is ','"):
        table(tmp_path, "a;b;label", "{n},5;1.5;{b}", **settings).load()
    assert len(table(tmp_path, "a;b;label", "{n},5;1.5;{b}", ignore=("b",), **settings).load().train) == 15
    assert table(tmp_path, "a;1.5;label", "{n},5;2;{b}", **settings).load().train.columns == ("a", "1.5")


def test_a_line_that_names_the_separator_is_not_a_row(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("sep=;\na;label\n1,5;0\n2;1\n3;0\n4;x y\n")
    with pytest.raises(DataError, match=r"line 1 says that the separator is ';'; the setting is ','.*decimal to ','"):
        Csv(path=str(tmp_path / "mine.csv")).load()
    with pytest.raises(DataError, match=r"line 3, column 'a' .*got '1,5'"):
        Csv(path=str(tmp_path / "mine.csv"), separator=";").load()
    data = Csv(path=str(tmp_path / "mine.csv"), separator=";", decimal=",").load().train
    assert any("Line 1, 'sep=;', names the separator" in note for note in data.assumptions)


@pytest.mark.parametrize("separator", ["\t", "\\t", "tab"])
def test_a_tab_can_be_written_in_three_ways(separator: str, tmp_path: Path) -> None:
    assert len(table(tmp_path, "a\tlabel", "{n}\t{b}", separator=separator).load().train) == 15


def test_rows_without_a_label_are_dropped_if_that_is_set(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("id,a,label\n" + "".join(f"{n},{n}.5,{'?' if n in (3, 7) else 'ab'[n % 2]}\n" for n in range(20)))
    with pytest.raises(DataError, match=r"line 5 has no label; got '\?'.*missing_rows to drop.*leave it out"):
        Csv(path=str(file)).load()
    splits = Csv(path=str(file), missing_rows="drop").load()
    kept = sorted(row[0] - 0.5 for data in (splits.train, splits.test) for row in data.x.tolist())
    assert kept == [n for n in range(20) if n not in (3, 7)]
    assert any("2 rows have no label and are left out" in note for note in splits.train.assumptions)


@pytest.mark.parametrize("nothing", ["unknown", "-", "n.a.", "Missing", "#N/A"])
def test_more_texts_mean_that_there_is_no_label(nothing: str, tmp_path: Path) -> None:
    source = table(tmp_path, "a,label", f"{{n}}.5,{nothing}")
    with pytest.raises(DataError, match=f"line 2 has no label; got '{nothing}'"):
        source.load()


def test_capital_letters_in_missing_do_not_matter(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 has no label; got 'Gone'"):
        table(tmp_path, "a,label", "{n}.5,Gone", missing=("GONE",)).load()


def test_the_classes_are_given_with_their_rows(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    labels = ["man"] * 10 + ["woman"] * 9 + ["Man"]
    file.write_text("a,sex\n" + "".join(f"{n}.5,{label}\n" for n, label in enumerate(labels)))
    notes = " ".join(Csv(path=str(file)).load().train.assumptions)
    assert "The classes are man (10), woman (9), Man (1)." in notes
    assert "'Man' and 'man' are different classes." in notes
    assert "Column 1 ('sex') contains the labels." in notes


def test_a_column_that_counts_the_rows_has_one_form(tmp_path: Path) -> None:
    notes = table(tmp_path, ",a,label", "{n},{n}.5,{b}").load().train.assumptions
    assert notes[0].endswith("Column 0 (no name) counts the rows, so it is left out. Set ignore to [] to use it.")


def test_one_name_is_accepted_for_ignore(tmp_path: Path) -> None:
    table(tmp_path, "id,a,label", "{s},{n}.5,{b}")
    source = build("datasets", {"name": "csv", "path": str(tmp_path / "mine.csv"), "ignore": "id"}, path="dataset")
    assert source.load().train.shape == (1,)


def test_a_file_that_is_not_utf8_has_advice(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes("a,label\n1,größe\n".encode("latin-1"))
    with pytest.raises(DataError, match="Save the file as UTF-8"):
        Csv(path=str(tmp_path / "mine.csv")).load()


def test_an_identifier_that_is_used_is_said(tmp_path: Path) -> None:
    source = table(tmp_path, "id,key,name,label", "{n}7,{s},Ann {n},{b}", ignore=("name",))
    notes = source.load().train.assumptions
    assert sum("seems to identify or count the rows, and is used" in note for note in notes) == 2


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "row_id"])
def test_a_setting_of_ignore_for_another_column_does_not_make_the_index_a_feature(name: str, tmp_path: Path) -> None:
    lines, cells = f"{name},a,day,label", "{n},{n}.5,2024-01-{s},{b}"
    data = table(tmp_path, lines, cells, ignore=("day",)).load().train
    assert data.columns == ("a",)
    assert "counts the rows, so it is left out. To use it, give it another name." in data.assumptions[0]
    same = table(tmp_path, lines, cells, ignore=("day", 0)).load().train
    assert same.columns == ("a",)
    assert not any("so it is left out" in note for note in same.assumptions)
    assert table(tmp_path, f"{name},a,label", "{n},{n}.5,{b}", ignore=()).load().train.shape == (2,)


@pytest.mark.parametrize("header", [",0,1,2,3,label", ",label,0,1,2,3"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_names_that_are_numbers_after_an_index_of_pandas_are_names(header: str, shuffled: bool, tmp_path: Path) -> None:
    cells = "{n},{n}.5,2,3,4,kind {b}" if header.endswith("label") else "{n},kind {b},{n}.5,2,3,4"
    source = table(tmp_path, header, cells.replace("{n},", "{s}," if shuffled else "{n},", 1))
    if shuffled:
        with pytest.raises(DataError, match=r"the column '' with .* as an identifier has. Set ignore to \[0\]"):
            source.load()
        source = replace(source, ignore=(0,))
    data = source.load().train
    assert data.columns == ("0", "1", "2", "3")
    assert data.classes == ("kind 0", "kind 1")
    assert "contains the names of the columns. Set header to false if it is a row." in data.assumptions[0]


def test_a_first_line_without_a_value_may_be_names(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"line 1, column 0 has no value.*Set header to true if line 1 contains the nam"
    ):
        table(tmp_path, ",10,20,label", "{s},{n}.5,2,kind {b}", label=-1).load()
