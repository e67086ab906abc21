"""From the figures of repeats to metrics: a mean, n and an interval each."""

from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.charts import Evidence, Figure
from antivenom.metrics import summary

Metrics = Mapping[str, Mapping[str, Any]]
"""Figures by key, each with `mean`, `n`, `low` and `high` of its 95 % interval, and what the figure says of itself."""

BOUNDED = ("share", "p_value")


def summarise(repeats: Sequence[Evidence]) -> dict[str, dict[str, Any]]:
    """Each figure's mean, n and 95 % interval over the repeats, with its unit and direction.

    A figure that a repeat lacks counts as one that does not apply there.

    >>> first, second = (Evidence.of("model", [Figure(name="accuracy", value=v)]) for v in (0.9, 0.94))
    >>> entry = summarise([first, second])["model.accuracy"]
    >>> round(entry["mean"], 3), entry["n"], entry["unit"]
    (0.92, 2, 'share')
    """
    first: dict[str, Figure] = {}
    for repeat in repeats:
        first = {**repeat.figures, **first}
    ordered = [key for repeat in repeats for key in repeat.figures]
    found = {}
    for key in dict.fromkeys(ordered):
        values = [repeat.figures[key].value if key in repeat.figures else None for repeat in repeats]
        figure = first[key]
        found[key] = {
            **summary(values, share=figure.unit in BOUNDED),
            "unit": figure.unit,
            "better": figure.better,
            "name": figure.name,
            "subject": figure.subject,
            "control": figure.control,
            "headline": figure.headline,
            "component": key.removesuffix(f".{figure.key}"),
        }
    return found
