"""The page of a grid: all cells compared, whatever figures they have, however many they are."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from antivenom.charts.comparing import Compared, Value, curves, dots, numeric_axis
from antivenom.report import write_report
from antivenom.storage.files import read_json, write_json
from tests.helpers.page import checked
from tests.helpers.run_folders import make_grid, make_run

pytestmark = pytest.mark.slow  # a report for every case

RATES = (0.01, 0.05, 0.1)
MODELS = ({"name": "mlp", "hidden": [8]}, {"name": "cnn", "hidden": [4]})


def grid_of(folder: Path, **axes: tuple[object, ...]) -> Path:
    cells = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return make_grid(folder, axes, cells)


def test_one_numeric_axis_gives_curves_and_a_pivot_for_each_headline_figure_that_differs(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, rate=RATES, model=MODELS)))
    assert (tmp_path / "figures/curves.png").is_file()
    assert "6 experiments over rate and model" in page.text
    assert "Against rate; bands are 95 % intervals" in page.text
    mlp = "14.3 % 13.3 to 15.3 % 42.9 % 41.9 to 43.9 % 71.4 % 70.4 to 72.4 % 95.0 %"
    assert f"model 0.01 0.05 0.1 control mlp {mlp} cnn" in page.text
    assert (
        "Clean accuracy of the victim against rate, means over the repeats with their 95 % intervals below" in page.text
    )
    assert "Attack success rate of the victim against" not in page.text, "it is the same in all cells"
    alt = next(held["alt"] for tag, held in page.tags if tag == "img")
    assert "Clean accuracy from 14.3 % in 1-cell to 85.7 % in 6-cell" in (alt or "")


def test_a_figure_that_is_the_same_in_all_cells_is_not_drawn(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, model=MODELS)))
    alt = next(held["alt"] for tag, held in page.tags if tag == "img") or ""
    assert "Clean accuracy from" in alt
    assert "Attack success rate from" not in alt
    assert "The same in all cells, so not drawn: accuracy drop +5.0 points, attack success rate 99.0 %" in page.text


def test_no_numeric_axis_gives_dots_and_no_pivot(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, attack=("badnets", "label_flip"), model=MODELS)))
    assert (tmp_path / "figures/cells.png").is_file()
    assert "Means over the repeats with their 95 % intervals, one line for each cell." in page.text
    assert "against" not in page.text.lower().replace("all cells", "")


def test_every_figure_of_every_cell_appears(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, model=MODELS)))
    assert "All other figures (3)" in page.text
    assert "pruning(rank=effect): clean accuracy" in page.text
    assert page.count("section", "cell") == 2
    assert "mlp 33.3 % 32.3 to 34.3 % 1" in page.text
    for number in (1, 2):
        assert checked(tmp_path / f"cells/{number}-cell/report.html").text.startswith(f"{number}-cell")


def test_a_figure_that_one_cell_lacks_is_a_dash(tmp_path: Path) -> None:
    grid_of(tmp_path, model=MODELS)
    file = tmp_path / "cells/2-cell/metrics.json"
    write_json(file, {key: each for key, each in read_json(file).items() if key == "model.clean_accuracy"})
    assert "cnn 66.7 % 65.7 to 67.7 % – – – –" in checked(write_report(tmp_path)).text


@pytest.mark.slow
@pytest.mark.parametrize(("count", "sections", "pages"), [(12, 12, 12), (13, 0, 13), (201, 12, 12)])
def test_a_large_grid_has_pages_for_its_first_cells(count: int, sections: int, pages: int, tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, seed=tuple(range(count)))))
    assert page.count("section", "cell") == sections
    assert len(list(tmp_path.glob("cells/*/report.html"))) == pages
    links = [held["href"] for tag, held in page.tags if tag == "a" and held["href"]]
    for link in links:
        assert link.removeprefix("#") in {f"{n}-cell" for n in range(1, 13)} or (tmp_path / link).is_file()
    assert ("antivenom report RUN/cells/201-cell" in page.text) == (count == 201)
    cell = write_report(tmp_path / f"cells/{count}-cell")
    assert checked(cell).text.startswith(f"{count}-cell")


def test_cells_come_by_number(tmp_path: Path) -> None:
    text = checked(write_report(grid_of(tmp_path, seed=tuple(range(11))))).text
    assert text.index("2-cell") < text.index("10-cell")


def test_a_broken_cell_is_told(tmp_path: Path) -> None:
    grid_of(tmp_path, model=MODELS)
    (tmp_path / "cells/2-cell/metrics.json").unlink()
    with pytest.raises(Exception, match=r"2-cell/metrics.json is missing"):
        write_report(tmp_path)


def test_a_cell_of_a_run_that_is_no_grid_keeps_its_name(tmp_path: Path) -> None:
    assert checked(write_report(make_run(tmp_path / "elsewhere", name="mine"))).text.startswith("mine")


def test_one_axis_of_numbers_is_found() -> None:
    assert numeric_axis({"a": [1, 2, 3], "b": ["x", "y", "x"]}) == "a"
    assert numeric_axis({"a": [1, 2, 3], "b": [3, 2, 1]}) is None
    assert numeric_axis({"a": [1, 2]}) is None
    assert numeric_axis({"a": [True, False, 1]}) is None
    assert numeric_axis({"a": [1, 2, float("inf")]}) is None


def test_curves_are_in_the_units_of_the_figures() -> None:
    values = [Value(mean=m, low=m - 0.1, high=m + 0.1) for m in (0.5, 0.2, 0.9)]
    seconds = Compared(title="time", unit="seconds", victim=[Value(mean=3), Value(), Value(mean=1)])
    drawn = curves([Compared(title="a", unit="share", victim=values), seconds], "x", [2, 1, 3], [(), (), ()])
    first, second = (axes.get_lines()[0] for axes in drawn.to_matplotlib().axes[:2])
    assert (first.get_xdata().tolist(), first.get_ydata().tolist()) == ([1, 2, 3], [20, 50, 90])
    np.testing.assert_array_equal(second.get_ydata(), [np.nan, 3, 1])
    assert "time, seconds" in drawn.to_svg().decode()


def test_of_two_other_axes_the_first_has_a_column_each() -> None:
    others = [(a, b) for a in ("p", "q") for b in ("r", "s") for _ in range(3)]
    figure = Compared(title="a", unit="none", victim=[Value(mean=1.0)] * 12)
    drawn = curves([figure], "x", [1, 2, 3] * 4, others).to_matplotlib()
    assert [len(axes.get_lines()) for axes in drawn.axes] == [2, 2]
    assert [axes.get_title(loc="left") for axes in drawn.axes] == ["p", "q"]


def test_dots_show_victim_and_control_of_every_cell() -> None:
    both = Compared(title="a", unit="share", victim=[Value(mean=0.1)] * 3, control=[Value(mean=0.2)] * 3)
    axes = dots([both], ["x", "y", "z"]).to_matplotlib().axes[0]
    assert [line.get_xdata().tolist() for line in axes.get_lines()] == [[20] * 3, [10] * 3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["x", "y", "z"]


def test_a_grid_whose_headline_figures_apply_nowhere_has_no_empty_words(tmp_path: Path) -> None:
    grid_of(tmp_path, model=MODELS)
    for file in tmp_path.glob("cells/*/metrics.json"):
        write_json(
            file, {key: {**each, "mean": None, "low": None, "high": None} for key, each in read_json(file).items()}
        )
    write_json(tmp_path / "manifest.json", {"cells": read_json(tmp_path / "manifest.json")["cells"]})
    page = checked(write_report(tmp_path))
    (alt,) = [held["alt"] for tag, held in page.tags if tag == "img"]
    assert alt == "Means over the repeats, one line for each cell."
    assert "Versions and hardware" not in page.text


def test_a_grid_over_lists_shows_only_the_settings_that_differ(tmp_path: Path) -> None:
    lists = tuple([{"name": "noise_filter:Jitter", "noise": noise}] for noise in (0.1, 0.3))
    page = checked(write_report(grid_of(tmp_path, defences=lists)))
    assert "noise=0.1" in page.text
    table = page.text.partition("Means over the repeats")[2]
    assert "{'name'" not in page.text.partition("spec")[0]
    assert "Jitter(noise" not in table


def test_figures_that_are_the_same_in_all_cells_are_in_the_caption(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, model=MODELS)))
    table = page.text.partition("All cells")[2]
    same = "clean accuracy, control 95.0 %; accuracy drop +5.0 points; attack success rate 99.0 %"
    assert f"The same in all cells: {same}" in table
    assert "model clean accuracy doubts mlp 33.3 %" in table
    assert checked(write_report(grid_of(tmp_path / "one", model=MODELS[:1]))).text.count("The same in all cells") == 0
