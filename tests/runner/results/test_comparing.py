"""Charts of one figure over the cells of a sweep: intervals where cells have them, and gaps where they lack a value."""

from typing import Any

import numpy as np
import pytest

from antivenom.charts import Bars, Lines
from antivenom.runner.results.comparing import cells_chart

ENTRY = {"name": "success_rate", "unit": "share", "control": False}


def row(cell: str, setting: object, mean: float | None, half: float | None = 0.1) -> dict[str, Any]:
    low, high = (None, None) if mean is None or half is None else (mean - half, mean + half)
    return {"cell": cell, "axis": setting, "rate": mean, "rate.low": low, "rate.high": high}


def test_cells_without_the_figure_are_a_gap_and_the_others_keep_their_bands() -> None:
    rows = [row(f"{x}-cell", x, None if x == 3 else 0.1 * x) for x in (1, 2, 3, 4)]
    chart = cells_chart("rate", rows, ["axis"], ENTRY)
    assert isinstance(chart, Lines)
    (line,) = chart.series
    assert line.low is not None
    np.testing.assert_allclose(line.low, [0, 10, np.nan, 30], atol=1e-9)
    np.testing.assert_allclose(line.y, [10, 20, np.nan, 40])
    assert (chart.ticks, chart.tick_label) == (np.array([3.0]), "no value")
    assert chart.caption == "Means over the repeats with their 95 % intervals. No value: 3-cell."
    (axes,) = chart.to_matplotlib().axes
    (band, alone) = axes.collections
    assert len(band.get_paths()) == 2
    assert alone.get_segments() == [pytest.approx(np.array([[4, 30], [4, 50]]))]  # type: ignore[attr-defined]


def test_categories_are_points_with_intervals_and_no_line_joins_them() -> None:
    rows = [row("a", "mlp", 0.2), row("b", "cnn", None), row("c", "own", 0.4, None)]
    chart = cells_chart("rate", rows, ["axis"], ENTRY)
    assert isinstance(chart, Bars)
    (axes,) = chart.to_matplotlib().axes
    assert [line.get_linestyle() for line in axes.get_lines()] == ["None"]
    (intervals,) = axes.collections
    drawn = [each for each in intervals.get_segments() if len(each) == 2]  # type: ignore[attr-defined]
    np.testing.assert_allclose(drawn, [[[0, 10], [0, 30]]])
    assert [(text.get_text(), text.get_position()[0]) for text in axes.texts] == [("no value", 1)]
    assert chart.caption == "Means over the repeats with their 95 % intervals. No value: b."


def test_one_repeat_has_no_intervals() -> None:
    chart = cells_chart("rate", [row("a", "mlp", 0.2, None)], ["axis"], ENTRY)
    assert isinstance(chart, Bars)
    assert chart.series[0].low is None
    assert chart.caption == "Means over the repeats."
