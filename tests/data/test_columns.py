"""The columns of a table are found, or the table is refused."""

from pathlib import Path
from typing import Any

import pytest

from antivenom.data.columns import infer_columns
from antivenom.data.sources.csv import Csv
from antivenom.errors import DataError

DIGITS = [f"{row % 5},{row * 7 % 255},{row % 3 * 90}" for row in range(20)]
IRIS = ["5.1,3.5,Iris-setosa", "4.9,3.0,Iris-setosa", "7.0,3.2,Iris-versicolor", "6.3,3.3,Iris-virginica"]


def written(folder: Path, lines: list[str], **settings: Any) -> Csv:
    (folder / "mine.csv").write_text("\n".join(lines) + "\n")
    return Csv(path=str(folder / "mine.csv"), **settings)


def rows_of(source: Csv) -> tuple[list[list[float]], list[str]]:
    """All rows and labels, whatever the split."""
    splits = source.load()
    rows = [
        (row, data.classes[y]) for data in (splits.train, splits.test) for row, y in zip(data.x, data.y, strict=True)
    ]
    rows.sort(key=lambda pair: pair[0].tolist())
    return [[round(float(value), 3) for value in row] for row, _ in rows], [name for _, name in rows]


LABELS: dict[str, tuple[str, list[str]]] = {
    "first": ("label,a,b", ["1,0.5,2", "0,1.5,4", "1,2.5,6", "0,3.5,8"]),
    "in the middle": ("a,Class,b", ["0.5,1,2", "1.5,0,4", "2.5,1,6", "3.5,0,8"]),
    "last": ("a,b,target", ["0.5,2,1", "1.5,4,0", "2.5,6,1", "3.5,8,0"]),
    "named y": ("a,y,b", ["0.5,1,2", "1.5,0,4", "2.5,1,6", "3.5,0,8"]),
    "beside a coordinate y": ("x,y,label", ["0.5,2,1", "1.5,4,0", "2.5,6,1", "3.5,8,0"]),
    "with spaces": (" label , a,b", [" 1,0.5,2", "0 ,1.5,4", "1,2.5, 6", "0,3.5,8"]),
    "whole floats": ("a,b,labels", ["0.5,2,1.0", "1.5,4,0.0", "2.5,6,1.0", "3.5,8,0.0"]),
    "with an index": (",a,b,label", ["0,0.5,2,1", "1,1.5,4,0", "2,2.5,6,1", "3,3.5,8,0"]),
    "with an id from 1": ("Id,label,a,b", ["1,1,0.5,2", "2,0,1.5,4", "3,1,2.5,6", "4,0,3.5,8"]),
    "the only column that can be it": ("a,kind,b", ["0.5,1,2.5", "1.5,0,4.5", "2.5,1,6.5", "3.5,0,8.5"]),
}


@pytest.mark.parametrize("where", LABELS)
def test_labels_are_found_where_they_are(where: str, tmp_path: Path) -> None:
    head, lines = LABELS[where]
    source = written(tmp_path, [head, *lines])
    rows, labels = rows_of(source)
    assert labels == ["1", "0", "1", "0"]
    assert [row[0] for row in rows] == [0.5, 1.5, 2.5, 3.5]
    assert len(rows[0]) == 2
    assert any("Set label" in said for said in source.load().train.assumptions)


def test_a_table_without_names_keeps_its_first_row(tmp_path: Path) -> None:
    source = written(tmp_path, IRIS)
    rows, labels = rows_of(source)
    assert len(rows) == len(IRIS)
    assert labels[1] == "Iris-setosa"
    assert any("Set header to true" in said for said in source.load().train.assumptions)
    counted = written(tmp_path, [f"{row},{line}" for row, line in enumerate(IRIS * 2, 1)])
    assert len(rows_of(counted)[0][0]) == 2
    kept = written(tmp_path, [f"{row},{line}" for row, line in enumerate(IRIS * 2, 1)], ignore=())
    assert len(rows_of(kept)[0][0]) == 3


def test_the_names_that_pandas_writes_are_names(tmp_path: Path) -> None:
    lines = [f"{row}.5,{row},2,3,{'ab'[row % 2]}" for row in range(8)]
    source = written(tmp_path, ["0,1,2,3,4", *lines])
    assert len(rows_of(source)[0]) == 8
    assert len(rows_of(written(tmp_path, ["0,1,2,3,kind", *lines]))[0]) == 8
    assert len(rows_of(written(tmp_path, ["0,1,2,3,4", *lines[:-1], "0,1,2,3,4"], header=False))[0]) == 9


AMBIGUOUS: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "numbers without names": (DIGITS, "several columns that can be the labels", {"label": 0, "ignore": []}),
    "whole numbers without a usual name": (["digit,p0,p1", *DIGITS], "several columns", {"label": "digit"}),
    "two usual names": (
        ["label,target,a", *DIGITS],
        "several columns that can be the labels: label, target",
        {"label": "target"},
    ),
    "two columns of text": (
        ["a,b,c", *(f"x{n % 2},y,{n}" for n in range(9))],
        "several columns",
        {"label": 0, "ignore": [1]},
    ),
    "measurements alone": (["a,b", "0.5,1.5", "1.5,2.5"], "no column that is clearly", {}),
    "the line 0, 1, 2": (["0,1,2", *DIGITS], "Set header to true or false", {"header": True, "label": 0}),
    "identifiers": (
        ["id,label,a", *(f"{n * 37 % 101},{n % 2},{n}.5" for n in range(20))],
        r"'id' with a different value in each row.*Set ignore to \['id'\]",
        {"ignore": ["id"]},
    ),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_until_it_is_set(kind: str, tmp_path: Path) -> None:
    lines, words, settings = AMBIGUOUS[kind]
    with pytest.raises(DataError, match=words):
        written(tmp_path, lines).load()
    if settings:
        assert len(rows_of(written(tmp_path, lines, **settings))[0]) >= 9


@pytest.mark.parametrize("nothing", ["", " ", "NaN", "nan", "?", "NA", "null", "None"])
def test_a_row_without_a_label_is_refused_with_its_line(nothing: str, tmp_path: Path) -> None:
    lines = ["a,label", *(f"{n},{nothing if n == 5 else n % 11}" for n in range(44))]
    with pytest.raises(DataError, match="line 7 has no label"):
        written(tmp_path, lines).load()


def test_a_class_may_be_called_none(tmp_path: Path) -> None:
    lines = ["a,label", *(f"{n},{'none' if n % 2 else 'burn'}" for n in range(8))]
    assert set(rows_of(written(tmp_path, lines, missing=("",)))[1]) == {"none", "burn"}


def test_numbers_sort_as_numbers_and_padded_ones_are_names(tmp_path: Path) -> None:
    for labels, classes in ((("10.0", "2.0"), ("2", "10")), (("007", "07"), ("007", "07")), (("3", "1"), ("1", "3"))):
        lines = ["a,label", *(f"{n}.5,{labels[n % 2]}" for n in range(8))]
        assert written(tmp_path, lines).load().train.classes == classes
    with pytest.raises(DataError, match=r"whole numbers or names; got 0.5"):
        written(tmp_path, ["a,label", *(f"{n},{n}.5" for n in range(8))]).load()


def test_an_index_that_stops_counting_is_said_with_its_line(tmp_path: Path) -> None:
    lines = ["id,a,label", *(f"{n},{n}.5,{n % 2}" for n in range(1500)), "7,1,1"]
    with pytest.raises(DataError, match="line 1502: the column 'id' counts the rows before"):
        written(tmp_path, lines).load()


def test_another_separator_is_suggested(tmp_path: Path) -> None:
    for mark, name in ((";", "';'"), ("\t", "a tab"), ("|", "'|'")):
        lines = [line.replace(",", mark) for line in ["label,a", "1,2", "0,3"]]
        with pytest.raises(DataError, match=f"separated by {name.replace('|', '.')}"):
            written(tmp_path, lines).load()


def test_columns_that_do_not_exist_are_refused() -> None:
    sample = [["a", "label"], ["1", "0"]]
    for settings in ({"label": "lable"}, {"label": 2}, {"ignore": ["b"]}):
        with pytest.raises(DataError, match="has no column"):
            infer_columns(sample, **{"label": None, "header": None, "ignore": None, **settings})


UNNAMED: dict[str, list[int]] = {
    "rising with gaps": [842302 + 217 * n + 91 * (n % 3) for n in range(60)],
    "shuffled": [(n * 37) % 60 + 1 for n in range(60)],
    "far apart in few rows": [(n * 7919) % 104729 for n in range(20)],
    "counted in steps": [100 + 10 * n for n in range(20)],
    "counted backwards": list(range(20, 0, -1)),
}


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("kind", UNNAMED)
def test_an_identifier_without_a_name_is_refused_until_ignore_is_set(kind: str, place: int, tmp_path: Path) -> None:
    rows = [["MB"[n % 2], f"{n}.25"] for n in range(len(UNNAMED[kind]))]
    lines = [",".join([*row[:place], str(one), *row[place:]]) for row, one in zip(rows, UNNAMED[kind], strict=True)]
    with pytest.raises(DataError, match=rf"[cC]olumn {place} .*Set ignore to \[{place}\] to leave it out, or to \[\]"):
        written(tmp_path, lines).load()
    assert len(rows_of(written(tmp_path, lines, ignore=[place]))[0][0]) == 1
    used = written(tmp_path, lines, ignore=[])
    assert len(rows_of(used)[0][0]) == 2
    assert any(f"Column {place} seems to identify" in said for said in used.load().train.assumptions)


def test_whole_numbers_without_a_name_can_be_features(tmp_path: Path) -> None:
    for cells in ([(n * 7) % 31 for n in range(20)], [n // 2 * 1000 for n in range(60)]):
        lines = [f"{one},{n}.25,{'MB'[n % 2]}" for n, one in enumerate(cells)]
        assert written(tmp_path, lines).load().train.shape == (2,)
    lines = [f"{n * n * 7},{5000 - n * n},{'MB'[n % 2]}" for n in range(60)]
    assert written(tmp_path, lines).load().train.shape == (2,)


def test_numbers_that_identify_rows_under_another_name_are_said(tmp_path: Path) -> None:
    lines = ["patient,a,label", *(f"{842302 + n * 217},{n % 7}.5,{n % 2}" for n in range(60))]
    said = written(tmp_path, lines).load().train.assumptions
    assert any("Column 0 ('patient') seems to identify" in one for one in said)
    assert not any("Column 1" in one for one in said)


TWO_CANDIDATES: dict[str, tuple[list[str], str]] = {
    "text, and a last column of two numbers": (
        ["age,sex,chol,HeartDisease", *(f"{n * 7 % 31},{'MF'[n % 2]},{200 + n}.5,{n // 3 % 2}" for n in range(20))],
        "sex, HeartDisease",
    ),
    "text, and a first column of two numbers": (
        ["Survived,Sex,Age", *(f"{n // 3 % 2},{'MF'[n % 2]},{n * 7 % 31}.5" for n in range(20))],
        "Survived, Sex",
    ),
    "text at the end, and a first column of two numbers": (
        ["Survived,Age,Sex", *(f"{n // 3 % 2},{n * 7 % 31}.5,{'MF'[n % 2]}" for n in range(20))],
        "Survived, Sex",
    ),
    "text, and two numbers in the middle": (
        ["age,sex,ill,chol", *(f"{n * 7 % 31},{'MF'[n % 2]},{n // 3 % 2},{200 + n}.5" for n in range(20))],
        "sex, ill",
    ),
    "without names": ([f"{n % 7}.5,{'MF'[n % 2]},{n // 3 % 2}" for n in range(20)], "1, 2"),
}


@pytest.mark.parametrize("kind", TWO_CANDIDATES)
def test_a_column_of_text_beside_a_likely_column_of_numbers_is_not_chosen(kind: str, tmp_path: Path) -> None:
    lines, candidates = TWO_CANDIDATES[kind]
    with pytest.raises(DataError, match=f"several columns that can be the labels: {candidates}.*Set label"):
        written(tmp_path, lines).load()
    text = candidates.split(", ")[1 if "Survived" in candidates else 0]
    assert written(tmp_path, lines, label=int(text) if text.isdigit() else text).load().train.classes == ("F", "M")


def test_a_column_of_text_is_the_labels_beside_measurements(tmp_path: Path) -> None:
    for row in ("{n}.5,{w},{kind}", "{n}.5,{kind},{n}.25", "{kind},{n}.5,{w}", "{w},{n}.5,{kind}"):
        lines = [row.format(n=n, w=n % 7 + 1, kind="MF"[n % 2]) for n in range(20)]
        if row.startswith("{kind}"):
            with pytest.raises(DataError, match="several columns"):
                written(tmp_path, lines).load()
        else:
            assert written(tmp_path, lines).load().train.classes == ("F", "M")
