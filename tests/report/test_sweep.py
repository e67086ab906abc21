"""The page of a sweep: cells that are not finished, costs, commands, and the second page with a script."""

import html
import json
import re
import shlex
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from antivenom.charts import Figure, pair
from antivenom.errors import RunError
from antivenom.report import write_interactive, write_report
from antivenom.report.grid_charts import numeric_axes
from antivenom.storage.files import read_json, write_json
from tests.helpers.page import Page, checked
from tests.helpers.run_folders import make_grid, make_run, make_unfinished

RATES = (0.01, 0.05, 0.1)


def grid_of(folder: Path, **axes: tuple[Any, ...]) -> Path:
    cells = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return make_grid(folder, axes, cells)


def captions(page: Page) -> str:
    return page.text.partition("All cells")[2]


# Cells that are not finished ------------------------------------------------------------------------------------------


def test_failed_and_missing_cells_are_at_the_top(tmp_path: Path) -> None:
    folder = make_unfinished(grid_of(tmp_path, rate=RATES, model=("mlp", "cnn")), failed=[2], missing=[3, 5])
    page = checked(write_report(folder))
    top = page.text.partition("All cells")[0]
    assert "3 of 6 experiments over rate and model." in top
    assert "3 of 6 cells finished; 1 failed; 2 have not finished yet." in top
    assert "2-cell RuntimeError: <b>2</b> broke" in top
    assert "Not finished yet 3-cell, 5-cell" in top
    assert page.count("section", "cell") == 3


def test_a_finished_sweep_has_no_such_note(tmp_path: Path) -> None:
    assert "Not all cells" not in checked(write_report(grid_of(tmp_path, rate=RATES))).text


def test_a_sweep_without_a_finished_cell_has_a_page(tmp_path: Path) -> None:
    folder = make_unfinished(grid_of(tmp_path, rate=RATES), failed=[1], missing=[2, 3])
    page = checked(write_report(folder))
    assert "0 of 3 cells finished; 1 failed; 2 have not finished yet." in page.text
    assert "All cells" not in page.text
    assert "0 of 3 cells are finished." in Page(write_interactive(folder)).text


def test_many_failures_are_not_all_listed(tmp_path: Path) -> None:
    folder = make_unfinished(grid_of(tmp_path, rate=(1,)), missing=[])
    cells = {f"{number}-x": {"rate": number} for number in range(1, 61)}
    failures = {name: {"error": "E", "message": "x" * 5000, "trace": ""} for name in list(cells)[:30]}
    write_json(folder / "cells.json", cells | {"1-cell": {"rate": 1}}, sort_keys=False)
    write_json(folder / "failures.json", failures)
    text = checked(write_report(folder)).text
    assert "and 10 more: see failures.json" in text
    assert "50-x and 10 more" in text
    assert len(text) < 12_000


# Axes -----------------------------------------------------------------------------------------------------------------


def test_each_numeric_axis_has_a_chart(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, rate=RATES, epochs=(1, 2, 4), model=("mlp", "cnn"))))
    assert page.count("img") == 2
    assert "Against rate; bands are 95 % intervals over the repeats." in page.text
    assert "Against epochs; bands are 95 % intervals over the repeats." in page.text


def test_seeds_are_averaged_and_the_caption_states_it(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, rate=RATES, seed=(0, 1, 2, 3))))
    assert page.count("img") == 1
    assert (
        "Against rate. Each point is the mean of the cells that differ only in seed. Bands reach from the smallest to "
        "the largest of these cells; they are not intervals." in page.text
    )


def test_axes_with_too_many_values_for_curves_are_averaged(tmp_path: Path) -> None:
    page = checked(write_report(grid_of(tmp_path, rate=RATES, attack=tuple("abcdefghij"))))
    assert "the mean of the cells that differ only in attack." in page.text


def test_an_axis_is_numeric_with_three_numbers() -> None:
    raw = [{"a": place, "b": place % 2, "seed": place, "c": "x"} for place in range(4)]
    assert numeric_axes(["a", "b", "seed", "c"], raw) == ["a"]
    assert numeric_axes(["seed", "c"], raw) == ["seed"]
    assert numeric_axes(["a"], [*raw, {}]) == []


def test_included_cells_show_the_value_of_the_spec_on_other_axes(tmp_path: Path) -> None:
    folder = make_grid(tmp_path, {"model": ["mlp", "cnn"]}, [{"model": "mlp"}, {"model": "cnn"}, {"attack.rate": 0.3}])
    spec = "name: x\nmodel: {name: forest}\nattack: badnets\ngrid: {model: [mlp, cnn]}\ninclude: [{attack.rate: 0.3}]\n"
    (folder / "spec.yaml").write_text(spec)
    text = captions(checked(write_report(folder)))
    assert "mlp – 25.0 %" in text
    assert "forest 0.3 75.0 %" in text


# Costs and commands ---------------------------------------------------------------------------------------------------


def test_costs_are_in_total_and_per_cell(tmp_path: Path) -> None:
    folder = grid_of(tmp_path, rate=RATES)
    stages = [{"stage": f"fit {who}", "seconds": 2.25, "stored": who == "control"} for who in ("victim", "control")]
    make_run(folder / "cells/3-cell", charts={}, manifest={"stages": stages})
    page = checked(write_report(folder))
    assert "took 7.5 seconds. 3 of 4 stages (75.0 %) were read from the store." in page.text
    assert "cell fit all read from the store 1-cell 1.5 1.5 1 of 1" in page.text
    assert "3-cell 4.5 4.5 1 of 2" in page.text


def test_each_cell_has_its_command(tmp_path: Path) -> None:
    page = write_report(grid_of(tmp_path, rate=RATES, attack=({"name": "bad<nets>", "target": "it's"},))).read_text()
    commands = [html.unescape(each) for each in re.findall(r'<pre class="command"[^>]*>(.*?)</pre>', page)]
    assert len(commands) == 3
    assert shlex.split(commands[1]) == [
        *("antivenom", "run", "spec.yaml", "--set", "grid=null", "--set", "attack={name: bad<nets>, target: it's}"),
        *("--set", "rate=0.05", "--out", "again/2-cell"),
    ]


# The second page ------------------------------------------------------------------------------------------------------


def data_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return dict(json.loads(text))


def test_the_second_page_has_every_figure_and_no_network(tmp_path: Path) -> None:
    folder = grid_of(tmp_path, rate=RATES)
    page = write_interactive(folder).read_text()
    data = data_of(page)
    assert data["columns"][:3] == ["cell", "rate", "clean accuracy"]
    assert data["rows"][0][:3] == [["1-cell", None, "#1-cell"], ["0.01", 0.01], ["25.0 %", 25.0, "24.0 to 26.0 %"]]
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|src=|@import|url\(|fetch\(|XMLHttp", page)
    assert "<script" not in write_report(folder).read_text()


def test_text_of_a_stranger_cannot_become_part_of_the_second_page(tmp_path: Path) -> None:
    folder = grid_of(tmp_path, rate=("</script><script>alert(1)</script>", "<!--"))
    figures = {"model</script>": pair("clean_accuracy", 0.1, 0.2, headline=True)}
    make_run(folder / "cells/1-cell", figures=figures, charts={})
    page = write_interactive(folder).read_text()
    assert page.count("<script") == page.count("</script>") == 2
    assert data_of(page)["rows"][0][1][0] == "</script><script>alert(1)</script>"


def test_a_very_large_table_has_only_the_headline_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = grid_of(tmp_path, rate=RATES)
    monkeypatch.setattr("antivenom.report.interactive.MAX_PLACES", 20)
    data = data_of(write_interactive(folder).read_text())
    assert "model: loss" not in data["columns"]
    assert len(data["rows"]) < 3
    assert "table.csv has all" in data["note"]


def test_a_figure_in_seconds_is_on_both_pages(tmp_path: Path) -> None:
    folder = grid_of(tmp_path, rate=RATES)
    figures = {"model": [Figure(name="time", value=3.5, unit="seconds", headline=True)]}
    make_run(folder / "cells/1-cell", figures=figures, charts={})
    assert "time" in checked(write_report(folder)).text
    assert "time" in data_of(write_interactive(folder).read_text())["columns"]


def test_a_folder_that_is_not_a_sweep_has_no_second_page(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    for folder in (tmp_path, tmp_path / "run"):
        with pytest.raises(RunError):
            write_interactive(folder)


def test_a_changed_cell_is_refused_on_both_pages(tmp_path: Path) -> None:
    folder = grid_of(tmp_path, rate=tuple(range(201)))
    file = folder / "cells/150-cell/metrics.json"
    write_json(file, {key: {**each, "mean": "x"} for key, each in read_json(file).items()})
    for write in (write_report, write_interactive):
        with pytest.raises(RunError, match="150-cell"):
            write(folder)
