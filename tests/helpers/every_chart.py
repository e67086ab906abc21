"""A chart of every type, small and plain; and the hostile words that no chart may stumble over."""

import numpy as np

from antivenom.charts import (
    Axis,
    Bars,
    BarSeries,
    Chart,
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
)
from antivenom.rng import Rng

NASTY = ("$x_{", "$x$", "a\nb", "_hidden", "\0\ud800\u202e", "<script>&\"'", "", "名" * 300, "\\$", "{name}%")


def every_chart(label: str = "a label", seed: int = 0) -> dict[str, Chart]:
    """One of each type, every word of it `label`."""
    random = Rng(seed).numpy()
    n, words = 4, {"title": label, "caption": label, "alt": label}
    x, numbers = np.arange(n, dtype=float), random.random(n)
    axis = Axis(label=label)
    lines = Lines(
        name="lines",
        x=axis,
        y=axis,
        series=(
            Series(label=label, x=x, y=numbers, low=numbers - 1, high=numbers + 1, role="victim", marks=True),
            Series(label=label, x=x, y=2 * numbers, role="control", faint=True, stepped=True),
        ),
        spans=np.array([[0.0, 1.0]]),
        span_label=label,
        ticks=x,
        tick_label=label,
        levels=np.array([0.5]),
        **words,
    )
    bars = BarSeries(label=label, values=numbers, role="victim", limits=numbers, ringed=numbers > 0.5)
    field = Field(label=label, x=x, y=x, values=random.normal(size=(n, n)), levels=x, contour=0.0, contour_label=label)
    points = tuple(Points(label=label, xy=random.random((n, 2)), mark=mark) for mark in ("", "star", "ring", "cross"))
    heat = Tile(pixels=random.random((1, 3, 3)), lines=(label,), alt=label, colours="heat")
    colour = Tile(pixels=random.integers(0, 256, (3, 3, 5), np.uint8), lines=(label, label), alt=label)
    charts = (
        lines,
        Bars(name="dots", categories=(label,) * n, series=(bars,), value=axis, category_label=label, **words),
        Bars(name="bars", categories=(label,) * n, series=(bars, bars), style="bars", horizontal=True, **words),
        Heatmap(
            name="heatmap",
            values=random.random((n, n)),
            rows=(label,) * n,
            columns=(label,) * n,
            value_label=label,
            **words,
        ),
        Scatter(name="scatter", groups=points, fields=(field,), arrows=np.array([[0, 0, 1, 1.0]]), x=axis, **words),
        Histogram(name="histogram", groups=(Values(label=label, values=numbers),), x=axis, threshold=0.5, **words),
        Images(name="images", rows=((colour, heat), (heat,)), row_labels=(label, label), wraps=True, **words),
        Table(name="table", columns=(label, label), rows=((label, "1"),), numeric=(1,), **words),
    )
    panels = Panels(name="panels", charts=charts, across=3, **words)
    return {f"model.{chart.name}": chart for chart in (*charts, panels)}
