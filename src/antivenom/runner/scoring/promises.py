"""Doubts about detectors and filters whose rate of false positives is far above the rate that they promise."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from antivenom.charts import worded
from antivenom.defences import Detector, Filter
from antivenom.runner.scoring.metrics import Metrics

SMALLEST_CHANCE = 0.01
"""With one repeat, a rate with a smaller chance under the promise raises a doubt."""
LARGE_DEVIATION = 2.33
"""With several repeats, the number of standard errors of the mean above the promise. It too has a chance of 1 %."""


@dataclass(frozen=True)
class Promise:
    """The promise of a detector or a filter.

    Args:
        key: its prefix in the metrics, such as `filter.confidence`.
        rate: the promised rate.
        threshold_rows: the number of trusted rows that set its threshold.
        rows: the number of clean rows on which its rate was measured.
    """

    key: str
    rate: float
    threshold_rows: int
    rows: int


def promises_of(
    detectors: Mapping[str, Detector], filters: Mapping[str, Filter], *, trusted: int, training: int, test: int
) -> list[Promise]:
    """Return the promises of all detectors and filters.

    Args:
        detectors: the detectors by name.
        filters: the filters by name.
        trusted: the number of trusted rows that the defences receive.
        training: the number of clean training rows.
        test: the number of test rows.
    """
    of_detectors = [
        Promise(f"detector.{name}", each.false_alarm_rate, trusted, training) for name, each in detectors.items()
    ]
    half = trusted - trusted // 2
    return of_detectors + [
        Promise(f"filter.{name}", each.false_rejection_rate, half, test) for name, each in filters.items()
    ]


def broken_promises(promises: list[Promise], metrics: Metrics) -> Iterator[str]:
    """Yield a doubt for each rate of false positives that is far above its promise.

    So high a rate has a chance below 1 % if clean rows and trusted rows are alike. With several repeats, also the lower
    end of its interval is above the promise.

    Args:
        promises: the promises.
        metrics: the metrics, in the form of `metrics.json`.
    """
    for each in promises:
        entry = metrics.get(f"{each.key}.fpr")  # a run with a diverged model skips its defences
        if entry is None or entry["mean"] is None or not _is_above(each, entry):
            continue
        kind, _, name = each.key.partition(".")
        does = "rejects {} of the clean inputs" if kind == "filter" else "flags {} of the clean rows"
        yield (
            f"{name} {does.format(worded(entry['mean'], 'share'))}, far above the promised "
            f"{worded(each.rate, 'share')}. Are the trusted rows different from these, or does a score depend on the "
            "other rows?"
        )


def _is_above(promise: Promise, entry: Mapping[str, Any]) -> bool:
    below = math.ceil((promise.threshold_rows + 1) * (1 - promise.rate))
    above = promise.threshold_rows + 1 - below
    if above < 1:
        return False  # too few rows set the threshold: it is infinite
    if entry["low"] is None:
        count = round(entry["mean"] * promise.rows)
        return chance_of(count, promise.rows, above, below) < SMALLEST_CHANCE
    error = spread_of(promise.rows, above, below) / math.sqrt(entry["n"])
    deviation = entry["mean"] - above / (above + below)
    return bool(entry["low"] > promise.rate and deviation > LARGE_DEVIATION * error)


def spread_of(rows: int, above: int, below: int) -> float:
    """Return the standard deviation of the share of rows above the threshold; see `chance_of`."""
    total = above + below
    share = above / total
    return math.sqrt(share * (1 - share) / rows * (total + rows) / (total + 1))


def chance_of(count: int, rows: int, above: int, below: int) -> float:
    """Return the chance that at least `count` of `rows` new rows exceed a threshold set by rows like them.

    The share of all rows that exceed the threshold has a beta distribution, so the count is beta-binomial.

    Args:
        count: the number of new rows above the threshold.
        rows: the number of new rows.
        above: the number of rows above the threshold among those that set it, plus 1.
        below: the number of rows at or below it.

    >>> round(chance_of(10, 100, 5, 95), 3), chance_of(0, 100, 5, 95)
    (0.085, 1.0)
    """
    if count <= 0:
        return 1.0
    k = np.arange(count, rows + 1)
    choices = gammaln(rows + 1) - gammaln(k + 1) - gammaln(rows - k + 1)
    return float(np.exp(choices + betaln(k + above, rows - k + below) - betaln(above, below)).sum())
