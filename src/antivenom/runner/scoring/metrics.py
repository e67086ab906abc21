"""Metrics from the figures of repeats: the mean, n and interval of each figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from antivenom.charts import Evidence, Figure
from antivenom.metrics import summary
from antivenom.rng import Rng
from antivenom.runner.scoring.intervals import IntervalMethod, bootstrap_interval, paired_p_value

Metrics = Mapping[str, Mapping[str, Any]]
"""Figures by key: `mean`, `n`, the bounds `low` and `high` of the 95 % interval, and the fields of the figure.

A paired difference also has its `p_value`."""

BOUNDED = ("share", "yes_no", "p_value")


def summarise(
    repeats: Sequence[Evidence], *, interval: IntervalMethod = "t", rng: Rng | None = None
) -> dict[str, dict[str, Any]]:
    """Return each figure's mean, n and 95 % interval over the repeats, with its unit and direction.

    A figure that is missing from a repeat does not apply there. A paired difference has the p-value of the paired
    t-test, whatever the interval.

    Args:
        repeats: the figures of each repeat.
        interval: `t` or `bootstrap`.
        rng: the stream of the bootstrap. Each figure has its own stream below it.

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
            **interval_of(values, figure.unit, interval, (rng or Rng(0)).child(key)),
            "unit": figure.unit,
            "better": figure.better,
            "name": figure.name,
            "subject": figure.subject,
            "control": figure.control,
            "headline": figure.headline,
            "paired": figure.paired,
            "p_value": paired_p_value(values) if figure.paired else None,
            "component": key.removesuffix(f".{figure.key}"),
        }
    return metrics


def interval_of(values: Sequence[float | None], unit: str, method: IntervalMethod, rng: Rng) -> dict[str, Any]:
    """Return mean, n, `low` and `high` of the values of one figure, by `t` or `bootstrap`."""
    result: dict[str, Any] = summary(values, share=unit in BOUNDED)
    if method == "bootstrap" and result["low"] is not None:
        low, high = bootstrap_interval([value for value in values if value is not None], rng)
        result |= {"low": low, "high": high}
    if unit == "points" and result["low"] is not None:  # a difference of two shares
        result |= {"low": max(-1.0, result["low"]), "high": min(1.0, result["high"])}
    return result
