"""The page of a run: whatever figures and charts there are appear, in order, as text that cannot do anything."""

from pathlib import Path

import numpy as np
import pytest

from antivenom.charts import Figure, Heatmap, Images, Table, Tile, pair
from antivenom.report import write_report
from tests.helpers.every_chart import NASTY, every_chart
from tests.helpers.page import checked
from tests.helpers.run_folders import make_run, some_figures


def test_every_figure_and_chart_appears(tmp_path: Path) -> None:
    page = checked(write_report(make_run(tmp_path)))
    for words in (
        "The trigger works.",
        "Somebody could doubt this.",
        "Clean accuracy victim 90.0 % 95 % interval: 89.0 to 91.0 %, n = 3 control 95.0 %",
        "Accuracy drop +5.0 points",
        "p-value victim 0.002",
        "Loss 0.25",
        "conv_1 9",
        "Scans neural_cleanse",
        "Repairs",
        "pruning(rank=effect) 87.0 %",
        "pruning(rank=activation) –",
        "Analyses probes",
        "Each repeat",
        "fit victim 1 1.5 yes",
        "Seed 7.",
        "Antivenom 0.1.0, python 3.11.",
    ):
        assert words in page.text
    drawn = {"lines", "dots", "bars", "heatmap", "scatter", "histogram", "panels"}
    assert {file.name for file in (tmp_path / "figures").iterdir()} == {f"model.{name}.png" for name in drawn}
    assert page.count("img", "pixel") == 3
    assert page.count("img") == 3 + len(drawn)


def test_sections_come_in_the_order_of_the_figures(tmp_path: Path) -> None:
    figures = dict(reversed(some_figures().items()))
    text = checked(write_report(make_run(tmp_path, figures=figures, charts={}))).text
    places = [text.index(heading) for heading in ("Analyses", "Repairs", "Scans", "Training Means", "Attack Means")]
    assert places == sorted(places)


def test_figures_of_unknown_kinds_need_no_entry_anywhere(tmp_path: Path) -> None:
    figures = {"oracle.delphi": [Figure(name="riddles", value=12000, unit="count", headline=True)]}
    charts = {"oracle.delphi.smoke": every_chart()["model.lines"], "omen.birds": every_chart()["model.table"]}
    text = checked(write_report(make_run(tmp_path, figures=figures, charts=charts))).text
    assert "Oracle: delphi Riddles 12,000" in text
    assert "Omen" in text
    assert (tmp_path / "figures/oracle.delphi.smoke.png").is_file()


def test_components_of_one_kind_are_compared(tmp_path: Path) -> None:
    figures = {f"repair.{name}": pair("accuracy", 0.5, 0.75, headline=True) for name in "abcd"}
    page = checked(write_report(make_run(tmp_path, figures=figures, charts={})))
    assert "accuracy accuracy, control a 50.0 % 49.0 to 51.0 % 75.0 %" in page.text
    assert page.count("div", "card") == 0  # the table says it all
    few = {name: figures[name] for name in list(figures)[:2]}
    assert checked(write_report(make_run(tmp_path, figures=few, charts={}))).count("div", "card") == 2


def test_one_repeat_has_no_intervals_and_no_table_of_repeats(tmp_path: Path) -> None:
    text = checked(write_report(make_run(tmp_path, repeats=1))).text
    assert "one seed, no interval" in text
    assert "Each repeat" not in text
    assert "95 % interval:" not in text


def test_many_rows_are_folded_up(tmp_path: Path) -> None:
    page = checked(write_report(make_run(tmp_path, charts={})))
    assert page.count("details") == 2  # ten classes, and the stages
    assert "Class accuracy: 10 rows" in page.text


def test_small_pictures_are_there_one_by_one_with_their_words(tmp_path: Path) -> None:
    tile = Tile(pixels=np.zeros((1, 2, 2), np.uint8), lines=("original", "class 3"), alt="a black square")
    charts = {
        "attack.wraps": Images(title="Poison", rows=((tile, tile),), row_labels=("3 to 7",), wraps=True),
        "attack.rows": Images(rows=((tile,), (tile,)), row_labels=("victim", "control"), column_labels=("first",)),
        "attack.many": Images(rows=((tile,) * 24,) * 50),
    }
    page = checked(write_report(make_run(tmp_path, charts=charts)))
    for words in ("Poison", "original class 3", "3 to 7", "victim", "first", "the first 160 of 1,200 images"):
        assert words.lower() in page.text.lower()
    assert page.count("img", "pixel") == 4 + 160
    assert not (tmp_path / "figures").exists()


def test_a_table_is_text_and_is_cut_when_it_is_long(tmp_path: Path) -> None:
    charts = {"model.t": Table(columns=("name", "value"), rows=(("a<b", "1"),) * 2000, numeric=(1,), caption="Words.")}
    page = checked(write_report(make_run(tmp_path, charts=charts, figures={"model": [Figure(name="a", value=1)]})))
    assert "Words. The first 300 of 2,000 rows are shown." in page.text
    assert page.text.count("a<b 1") == 300


@pytest.mark.parametrize("label", NASTY)
def test_hostile_words_are_only_text(label: str, tmp_path: Path) -> None:
    word = label.encode(errors="replace").decode()  # JSON cannot hold everything
    figures = {
        f"repair.{word}": [Figure(name="accuracy", value=0.5, headline=True, subject=word)],
        f"scan.{word}": [Figure(name="accuracy", value=0.5, headline=True)],
    }
    some = every_chart(label)
    charts = {f"repair.{word}.{key}": some[f"model.{key}"] for key in ("lines", "images", "table")}
    folder = make_run(tmp_path / "run", figures={**some_figures(label=word), **figures}, charts=charts, headline=word)
    page = checked(write_report(folder))
    if "\0" not in label:
        assert page.text.count(" ".join(label.split())) > 5
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_wherever_a_chart_says_it_is_its_picture_stays_in_the_folder(tmp_path: Path) -> None:
    names = ("../../up", "/etc/x", "..", ".", "", "a/b", "A", "a", "x" * 500, "ü", "a\nb")
    chart = Heatmap(values=np.eye(2))
    charts = {f"{name}.lines": chart for name in names} | {f"x.{name}": chart for name in names}
    write_report(make_run(tmp_path / "run", charts=charts))
    written = list(tmp_path.rglob("*.png"))
    assert len(written) == len(charts)
    assert len({file.name.lower() for file in written}) == len(charts)
    assert {file.parent for file in written} == {tmp_path / "run/figures"}
    assert all(len(file.name) < 120 for file in written)


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    first = write_report(make_run(tmp_path)).read_bytes()
    assert write_report(tmp_path).read_bytes() == first


def test_a_run_without_charts_and_doubts_has_a_page(tmp_path: Path) -> None:
    figures = {"model": [Figure(name="size", value=None, unit="count", headline=True)]}
    page = checked(write_report(make_run(tmp_path, figures=figures, charts={}, doubts=(), headline="")))
    assert "The automatic checks found no doubts" in page.text
    assert "repeat size 1 –" in page.text
