"""The statistics by which one class's norm is said to be too small among all."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bezoar.rng import Rng

FEWEST = 4
"""Classes below which none can be told from the others."""
TINY = 1e-12
CONSISTENT = 1.4826
"""What makes the median absolute deviation of a normal sample its standard deviation."""
DRAWS = 20_000
"""So many samples stand for the distribution of a sample's smallest."""

Norms = NDArray[np.float64]


def anomaly_index(norms: Norms) -> Norms:
    """How many consistent deviations each norm (k) lies below the median of all; 0 where it lies above.

    Wang et al., *Neural Cleanse* (2019), calls 2 and more an outlier. NaN norms are left out and stay NaN; where all
    others are equal, a smaller one is infinitely far.

    >>> anomaly_index(np.array([10.0, 12, 11, 13, 2])).round(2).tolist()
    [0.67, 0.0, 0.0, 0.0, 6.07]
    """
    known = norms[~np.isnan(norms)]
    if not len(known):
        return np.full_like(norms, np.nan)
    middle = np.median(known)
    deviation = CONSISTENT * np.median(np.abs(known - middle))
    below = np.maximum(middle - norms, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isnan(norms), np.nan, np.where(below == 0, 0, below / deviation))


def p_values(norms: Norms, larger: int = 0) -> Norms:
    """The chance, over all classes together, of each norm (k) being so small among others that are alike.

    Exact for lognormal norms, whatever their mean and spread. NaN norms are left out; fewer than four give NaN.
    Where all norms are known, each logarithm is held against all others by Student's t for a new observation, corrected
    for their number by Bonferroni. Where of some it is only known that they are larger, it is held against what the
    others say of mean and spread as the sample's next smallest: Lloyd's (1952) best linear unbiased estimates from
    order statistics, and the distribution of the smallest's distance from them, by simulation.

    Args:
        norms: the known ones.
        larger: how many more classes there are, all with larger norms.

    >>> p_values(np.array([10.0, 12, 11, 13, 2])).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0021]
    >>> p_values(np.array([10.0, 12, 11, 13, 2]), larger=20).round(2).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.02]
    """
    middle, spread, count = _others(norms, larger)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (np.log(np.maximum(norms, TINY)) - middle) / spread
    apart = np.where((spread == 0) & np.isnan(apart), 0.0, apart)  # no spread, and no difference
    if not larger or count < FEWEST:
        return np.asarray(np.minimum(1.0, count * stats.t.cdf(apart, count - 2)))
    below = np.searchsorted(_Smallest.of(count, larger).apart, apart, side="right")
    return np.where(np.isnan(apart), np.nan, (1 + below) / (1 + DRAWS))


def thresholds(norms: Norms, rate: float, larger: int = 0) -> Norms:
    """The norm at which each class' p-value is `rate`, given the others' norms (k).

    >>> norms = np.array([10.0, 12, 11, 13, 2])
    >>> norms[4] = thresholds(norms, 0.05)[4]
    >>> round(float(p_values(norms)[4]), 6)
    0.05
    """
    middle, spread, count = _others(norms, larger)
    if not larger or count < FEWEST:
        apart = float(stats.t.ppf(rate / max(count, 1), count - 2))
    else:
        apart = float(np.quantile(_Smallest.of(count, larger).apart, rate))
    return np.asarray(np.exp(middle + spread * apart))


def _others(norms: Norms, larger: int) -> tuple[Norms, Norms, int]:
    """The mean that all other norms' logarithms tell of, the spread of a new one (k), and how many are known.

    NaN where a norm is, and everywhere where too few are known.
    """
    middle, spread = np.full_like(norms, np.nan), np.full_like(norms, np.nan)
    known = np.flatnonzero(~np.isnan(norms))
    if len(known) < FEWEST:
        return middle, spread, len(known)
    logs = np.log(np.maximum(norms[known], TINY))
    for place, index in enumerate(known):
        others = np.delete(logs, place)
        if larger:
            middle[index], spread[index] = _Smallest.of(len(known), larger).weights @ np.sort(others)
        else:
            middle[index] = others.mean()
            spread[index] = others.std(ddof=1) * math.sqrt(1 + 1 / len(others))
    return middle, spread, len(known)


class _Smallest:
    """How far the smallest of a normal sample lies from what the next smallest say of its mean and spread.

    Attributes:
        weights: of the next smallest, in order, for mean and spread (2, known - 1).
        apart: the smallest's distance from that mean in units of that spread, in samples, sorted (draws).
    """

    def __init__(self, known: int, larger: int) -> None:
        draw = Rng(0).child("smallest", known, larger).numpy()
        sample = np.sort(draw.standard_normal((DRAWS, known + larger)), axis=1)[:, :known]
        rest = sample[:, 1:]
        design = np.stack([np.ones(known - 1), rest.mean(0)], axis=1)
        weighted = np.linalg.solve(np.cov(rest, rowvar=False), design).T
        self.weights = np.linalg.solve(weighted @ design, weighted)
        middle, spread = self.weights @ rest.T
        self.apart = np.sort((sample[:, 0] - middle) / spread)

    @staticmethod
    @cache
    def of(known: int, larger: int) -> "_Smallest":
        """Made once for each number of classes."""
        return _Smallest(known, larger)
