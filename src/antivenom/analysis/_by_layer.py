"""Figures and a chart of a measurement in each layer."""

from collections.abc import Mapping, Sequence

import numpy as np

from antivenom.charts import Axis, Lines, Series, finite

Values = Mapping[str, float]
"""A value for each layer, in the layers' order."""


def chart_by_layer(
    values: Mapping[str, Values], *, label: str, caption: str, alt: str, scale: float = 1.0, legend: bool = True
) -> Lines:
    """Return a chart with a line over the layers for the victim, and one for the control.

    Args:
        values: the values under the keys `victim` and `control`.
        label: the label of the vertical axis.
        caption: the caption of the chart.
        alt: the text for readers who cannot see the chart.
        scale: the factor that multiplies all values, such as 100 for percent.
        legend: show the names of the lines.
    """
    layers = tuple(dict.fromkeys(name for each in values.values() for name in each))
    series = tuple(
        Series(
            label=role if legend else "",
            x=np.arange(len(layers)),
            y=np.array([scale * each.get(name, np.nan) for name in layers], dtype=np.float64),
            role="victim" if role == "victim" else "control",
            marks=True,
        )
        for role, each in values.items()
    )
    return Lines(
        name="by_layer", caption=caption, alt=alt, x=Axis(categories=layers), y=Axis(label=label), series=series
    )


def finite_by_layer(layers: Sequence[str], values: Sequence[float]) -> dict[str, float | None]:
    """Return each layer's value, or None if it is not finite."""
    return {name: finite(float(value)) for name, value in zip(layers, values, strict=True)}
