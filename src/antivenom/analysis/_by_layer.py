"""Figures and a chart of something that is measured in each layer."""

from collections.abc import Mapping, Sequence

import numpy as np

from antivenom.charts import Axis, Lines, Series, finite

Values = Mapping[str, float]
"""A value for each layer, in the layers' order."""


def chart_by_layer(
    values: Mapping[str, Values], *, label: str, caption: str, alt: str, scale: float = 1.0, legend: bool = True
) -> Lines:
    """A line over the layers for the victim, and one for the control.

    Args:
        values: the victim's and the control's, by these two words.
        label: what is measured.
        caption: as of every chart.
        alt: as of every chart.
        scale: values are multiplied by it: 100 for percent.
        legend: whether the lines are named.
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


def where_defined(layers: Sequence[str], values: Sequence[float]) -> dict[str, float | None]:
    """Each layer's value; None where it is not a number."""
    return {name: finite(float(value)) for name, value in zip(layers, values, strict=True)}
