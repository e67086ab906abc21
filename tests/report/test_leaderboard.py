"""The orders of the table of all cells: a view for each headline figure, without a script."""

from dataclasses import dataclass
from pathlib import Path

from antivenom.report import leaderboard, write_report
from antivenom.report.leaderboard import boards, sorted_rows
from antivenom.report.tables import Sheet
from antivenom.runner.results.reading import Measured
from antivenom.storage.files import read_json, write_json
from tests.helpers.page import Page, checked
from tests.helpers.run_folders import make_grid


@dataclass(frozen=True)
class Line:
    name: str
    figures: dict[str, Measured]


def figure(mean: float | None, better: str | None = "high", *, control: bool = False) -> Measured:
    return Measured(
        name="x", component="model", mean=mean, n=1, low=None, high=None, unit="share", better=better, control=control
    )  # type: ignore[arg-type]


def lines(*means: float | None) -> list[Line]:
    return [Line(str(place), {"x": figure(mean)}) for place, mean in enumerate(means)] + [Line("none", {})]


def test_rows_without_a_value_come_last_and_equal_ones_stay() -> None:
    rows = lines(0.2, None, 0.5, 0.2)
    assert [row.name for row in sorted_rows(rows, "x", falling=True)] == ["2", "0", "3", "1", "none"]
    assert [row.name for row in sorted_rows(rows, "x", falling=False)] == ["0", "3", "2", "1", "none"]


def test_the_best_value_for_the_owner_is_first() -> None:
    made = {}
    for better in ("high", "low", None):
        keys = {"x": figure(0.1, better), "x.control": figure(0.1, control=True)}
        made[better] = boards(lines(0.1, 0.3), keys, 1, lambda rows, note: Sheet((), (), f"{rows[0].name} {note}"))
    captions = {better: [each.sheet.caption for each in views] for better, views in made.items()}
    assert captions["high"] == ["0 ", "1 X, highest first: a high value is good for the model's owner."]
    assert captions["low"] == ["0 ", "0 X, lowest first: a low value is good for the model's owner."]
    assert captions[None] == ["0 ", "1 X, highest first."]
    assert [each.sheet.sorted_by for each in made["high"]] == [None, 1]


def test_large_tables_have_few_orders() -> None:
    keys = {str(place): figure(0.1) for place in range(40)}
    for count, orders in ((200, leaderboard.MOST_ORDERS), (201, leaderboard.MOST_ORDERS_OF_MANY)):
        rows = [Line(str(place), keys) for place in range(count)]
        assert len(boards(rows, keys, 1, lambda *_: Sheet((), ()))) == orders


def tables_of(page: Page) -> list[str]:
    return [held["class"] or "" for tag, held in page.tags if tag == "div" and "order " in (held.get("class") or "")]


def test_each_order_is_chosen_by_a_radio_button_with_a_label(tmp_path: Path) -> None:
    make_grid(tmp_path, {"seed": [1, 2]}, [{"seed": 1}, {"seed": 2}])
    file = tmp_path / "cells/1-cell/metrics.json"
    metrics = read_json(file)
    metrics["attack.success_rate"]["mean"] = 0.5
    write_json(file, metrics, sort_keys=False)
    page = checked(write_report(tmp_path))
    buttons = [held for tag, held in page.tags if tag == "input"]
    labels = [held["for"] for tag, held in page.tags if tag == "label"]
    assert [each["id"] for each in buttons] == labels == ["order-0", "order-1", "order-2"]
    assert {(each["type"], each["name"]) for each in buttons} == {("radio", "order")}
    assert ["checked" in each for each in buttons] == [True, False, False]
    assert tables_of(page) == ["order order-0", "order order-1", "order order-2"]
    assert "Order: as in the spec clean accuracy attack success rate" in page.text
    sorts = [held["aria-sort"] for tag, held in page.tags if "aria-sort" in held]
    assert len(sorts) == 2
    style = (tmp_path / "report.html").read_text()
    for place in range(3):
        assert f"#order-{place}:checked ~ .order-{place} {{ display: block; }}" in style
        assert f"#order-{place}:focus-visible" in style


def test_one_cell_needs_no_orders(tmp_path: Path) -> None:
    make_grid(tmp_path, {"seed": [1]}, [{"seed": 1}])
    assert checked(write_report(tmp_path)).count("input") == 0
