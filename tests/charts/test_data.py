"""Charts as data: what is given becomes arrays, wrong shapes are refused at once, and a `repr` is short."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from antivenom.charts import (
    Axis,
    Bars,
    BarSeries,
    Field,
    Heatmap,
    Histogram,
    Images,
    Lines,
    Panels,
    Points,
    Scatter,
    Series,
    Table,
    Tile,
    Values,
    column,
)
from antivenom.errors import DataError
from tests.helpers.every_chart import every_chart


def test_numbers_become_float64_and_bytes_stay() -> None:
    series = Series(x=np.arange(2), y=column(torch.tensor([0.5, 1.5], requires_grad=True)))
    assert series.x.dtype == series.y.dtype == np.float64
    assert series.y.tolist() == [0.5, 1.5]
    assert Tile(pixels=np.zeros((1, 2, 2), np.uint8)).pixels.dtype == np.uint8


WRONG: dict[str, Callable[[], object]] = {
    "Series.y": lambda: Series(x=np.array([1, 2]), y=np.array([1])),
    "Series.low": lambda: Series(x=np.array([1]), y=np.array([1]), low=np.array([1, 2])),
    "Series.x must be an array of numbers": lambda: Series(x=np.array(["a"]), y=np.array([1])),
    "BarSeries.ringed": lambda: BarSeries(values=np.array([1]), ringed=np.array([True, False])),
    "must have 2 values": lambda: Bars(categories=("a", "b"), series=(BarSeries(values=np.array([1])),)),
    "Lines.spans": lambda: Lines(series=(), spans=np.array([1, 2])),
    "Heatmap.rows": lambda: Heatmap(values=np.eye(2), rows=("a",)),
    "Heatmap.values": lambda: Heatmap(values=np.array([1, 2])),
    "Points.xy": lambda: Points(xy=np.array([[1, 2, 3]])),
    "Field.values": lambda: Field(x=np.array([1, 2]), y=np.array([1]), values=np.eye(2)),
    "Scatter.arrows": lambda: Scatter(groups=(), arrows=np.array([[1, 2]])),
    "Values.values": lambda: Values(values=np.eye(2)),
    "Tile.pixels": lambda: Tile(pixels=np.zeros((2, 2))),
    "Images.row_labels": lambda: Images(rows=(), row_labels=("a",)),
    "Table: row 1 must have 1 cells": lambda: Table(columns=("a",), rows=(("b",), ("c", "d"))),
    "must not contain Panels": lambda: Panels(charts=(Panels(charts=()),)),
    "Panels.across": lambda: Panels(charts=(), across=0),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_shape_is_refused_when_the_chart_is_made(message: str) -> None:
    with pytest.raises(DataError, match=message):
        WRONG[message]()


def test_a_tile_shows_three_of_many_channels_and_says_so() -> None:
    pixels = np.arange(20, dtype=np.uint8).reshape(5, 2, 2)
    tile = Tile(pixels=pixels, lines=("original",))
    assert tile.pixels.tolist() == pixels[:3].tolist()
    assert tile.lines == ("original", "channels 0 to 2 of 5")
    heat = Tile(pixels=pixels, colours="heat", high=20.0)
    assert heat.pixels.tolist() == [[[8, 9], [10, 11]]]
    assert heat.lines == ()


def test_a_number_that_is_not_finite_is_none() -> None:
    assert Histogram(groups=(), threshold=float("inf")).threshold is None
    assert Axis(low=float("nan")).low is None


def test_a_repr_is_short() -> None:
    for chart in every_chart().values():
        assert len(repr(chart)) < 80
    assert repr(Series(label="victim", x=np.zeros(9999), y=np.zeros(9999))) == "Series(victim)"


def test_a_chart_always_has_a_description() -> None:
    assert Table(columns=(), rows=()).description == "table"
    assert Table(name="t", columns=(), rows=(), caption="words").description == "words"
