"""Bins of histograms: a threshold is an edge, and equal values are below it."""

from typing import Any

import numpy as np
import pytest

from antivenom.charts import Axis, Histogram, Values
from antivenom.charts.drawing.histogram import bin_edges


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("threshold", [0.1, 0.35, 0.5, 0.99])
def test_values_equal_to_the_threshold_are_drawn_below_it(threshold: float, logarithmic: bool) -> None:
    values = np.array([0.1, 0.35, 0.35, 0.5, 0.99, 1.0])
    edges = bin_edges(values, threshold, logarithmic=logarithmic)
    heights = np.histogram(values, edges)[0]
    assert heights.sum() == len(values), "no value is lost"
    assert (np.diff(edges) > 0).all()
    drawn_below = edges[1:] <= np.nextafter(threshold, 2.0)
    assert heights[drawn_below].sum() == (values <= threshold).sum()


def test_without_a_threshold_inside_bins_span_the_values() -> None:
    for threshold in (np.nan, np.inf, -1.0, 9.0):
        edges = bin_edges(np.array([2.0, 4.0]), threshold)
        assert (edges[0], edges[-1], len(edges)) == (2.0, 4.0, 41)


@pytest.mark.parametrize(("scale", "label"), [("linear", "score"), ("log", "score (log scale)")])
def test_the_labels_name_scales_that_are_not_linear(scale: Any, label: str) -> None:
    groups = (Values(label="clean", values=np.array([0.1, 0.2, 0.9])),)
    axes = Histogram(name="scores", groups=groups, x=Axis(label="score", scale=scale)).to_matplotlib().axes[0]
    assert axes.get_xlabel() == label
    assert axes.get_ylabel() == "% of the values\n(linear to 2 %, then log)"
