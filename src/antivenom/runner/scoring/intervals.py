"""Statistics over repeats: bootstrap intervals, p-values of paired differences, and Holm's correction."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr

from antivenom.charts import Evidence, Figure
from antivenom.rng import Rng

IntervalMethod = Literal["t", "bootstrap"]
"""How the 95 % interval of a mean over repeats is made: by Student's t, or by the BCa bootstrap."""

RESAMPLES = 9999
CONFIDENCE = 0.95
FEW_FOR_BOOTSTRAP = 10
"""With fewer repeats, a bootstrap interval is clearly too narrow."""

Key = TypeVar("Key")
DIFFERENCE_UNITS = ("share", "yes_no")


def bootstrap_interval(values: Sequence[float], rng: Rng) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the mean, by the bias-corrected and accelerated (BCa) bootstrap.

    The method is that of Efron (1987), with 9,999 resamples. Values without any spread are their own interval.

    Args:
        values: at least two values, one for each repeat.
        rng: the stream of the resamples.

    >>> low, high = bootstrap_interval([0.90, 0.92, 0.94, 0.91, 0.95], Rng(0))
    >>> 0.90 <= low < 0.924 < high <= 0.95
    True
    """
    data = np.asarray(values, dtype=np.float64)
    mean = float(data.mean())
    if float(np.ptp(data)) == 0.0:
        return float(data[0]), float(data[0])
    drawn = rng.numpy().integers(0, len(data), (RESAMPLES, len(data)))
    means = np.sort(data[drawn].mean(1))
    below = float(np.count_nonzero(means < mean) + np.count_nonzero(means <= mean)) / (2 * RESAMPLES)
    below = min(max(below, 0.5 / RESAMPLES), 1 - 0.5 / RESAMPLES)
    bias, acceleration = float(ndtri(below)), _acceleration(data)
    ends = []
    for z in (float(ndtri((1 - CONFIDENCE) / 2)), float(ndtri((1 + CONFIDENCE) / 2))):
        shifted = bias + (bias + z) / (1 - acceleration * (bias + z))
        ends.append(float(np.quantile(means, float(ndtr(shifted)))))
    return ends[0], ends[1]


def too_few_for_bootstrap(repeats: int) -> str:
    """Return the doubt about bootstrap intervals from few repeats; empty text if there are enough or only one."""
    if not 1 < repeats < FEW_FOR_BOOTSTRAP:
        return ""
    return (
        f"Bootstrap intervals from {repeats} repeats are too narrow. Use interval: t, or at least {FEW_FOR_BOOTSTRAP} "
        "repeats."
    )


def _acceleration(data: NDArray[np.float64]) -> float:
    """Return the acceleration of the mean from the values with one left out."""
    left_out = (data.sum() - data) / (len(data) - 1)
    centred = left_out.mean() - left_out
    return float((centred**3).sum() / (6 * (centred**2).sum() ** 1.5))


def paired_p_value(differences: Sequence[float | None]) -> float | None:
    """Return the two-sided p-value of the paired t-test: the chance of such a mean difference if the true one is 0.

    It is None with fewer than two repeats, or if a repeat has no value. If all differences are equal there is no
    spread: the p-value is then 1 if they are 0, otherwise 0.

    Args:
        differences: the difference of victim and control in each repeat.

    >>> round(paired_p_value([0.1, 0.2, 0.3]), 4)
    0.0742
    >>> paired_p_value([0.1]) is None
    True
    """
    known = [each for each in differences if each is not None and math.isfinite(each)]
    n = len(known)
    if n < 2 or n < len(differences):
        return None
    mean = math.fsum(known) / n
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in known) / (n - 1))
    if spread <= 1e-12 * max(map(abs, known)):
        return 1.0 if mean == 0 else 0.0
    return float(min(1.0, 2 * stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n)))))


def holm(p_values: Mapping[Key, float | None]) -> dict[Key, float | None]:
    """Return p-values after Holm's correction for several tests. A test without a p-value does not count.

    The chance of at least one false rejection in the whole family is at most the level at which you compare.

    Args:
        p_values: the p-value of each test of the family, or None.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": None})
    {'a': 0.03, 'b': 0.06, 'c': 0.06, 'd': None}
    """
    known = sorted((value, place) for place, value in enumerate(p_values.values()) if value is not None)
    result: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, place) in enumerate(known):
        largest = max(largest, min(1.0, value * (len(known) - rank)))
        result[place] = largest
    return dict(zip(p_values, result, strict=True))


def with_differences(evidence: Evidence) -> Evidence:
    """Return the evidence of one repeat with the difference victim - control of each headline figure of both.

    The difference of `KIND.NAME.figure` is `KIND.NAME.figure_difference`. Differences of shares are in points. Figures
    with a subject and p-values have none.

    >>> from antivenom.charts import pair
    >>> made = with_differences(Evidence.of("attack", pair("success_rate", 0.9, 0.1, headline=True)))
    >>> made.figures["attack.success_rate_difference"].value
    0.8
    """
    figures = dict(evidence.figures)
    for key, victim in evidence.figures.items():
        control = evidence.figures.get(f"{key}.control")
        if control is None or victim.control or victim.subject or not victim.headline or victim.unit == "p_value":
            continue
        known = victim.value is not None and control.value is not None
        figures[f"{key}_difference"] = Figure(
            name=f"{victim.name}_difference",
            value=(victim.value or 0.0) - (control.value or 0.0) if known else None,
            unit="points" if victim.unit in DIFFERENCE_UNITS else victim.unit,
            better=victim.better,
            paired=True,
        )
    return Evidence(figures, evidence.charts)
