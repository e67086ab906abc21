"""Metrics from the figures of repeats: the mean, n and interval of each figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.charts import Evidence, Figure
from antivenom.metrics import summary

Metrics = Mapping[str, Mapping[str, Any]]
"""Figures by key: `mean`, `n`, the bounds `low` and `high` of the 95 % interval, and the fields of the figure."""

BOUNDED = ("share", "yes_no", "p_value")


def summarise(repeats: Sequence[Evidence]) -> dict[str, dict[str, Any]]:
    """Return each figure's mean, n and 95 % interval over the repeats, with its unit and direction.

    A figure that is missing from a repeat does not apply there.

    >>> first, second = (Evidence.of("model", [Figure(name="accuracy", value=v)]) for v in (0.9, 0.94))
    >>> entry = summarise([first, second])["model.accuracy"]
    >>> round(entry["mean"], 3), entry["n"], entry["unit"]
    (0.92, 2, 'share')
    """
    first: dict[str, Figure] = {}
    for repeat in repeats:
        first = {**repeat.figures, **first}
    ordered = [key for repeat in repeats for key in repeat.figures]
    metrics = {}
    for key in dict.fromkeys(ordered):
        values = [repeat.figures[key].value if key in repeat.figures else None for repeat in repeats]
        figure = first[key]
        metrics[key] = {
            **summary(values, share=figure.unit in BOUNDED),
            "unit": figure.unit,
            "better": figure.better,
            "name": figure.name,
            "subject": figure.subject,
            "control": figure.control,
            "headline": figure.headline,
            "component": key.removesuffix(f".{figure.key}"),
        }
    return metrics
