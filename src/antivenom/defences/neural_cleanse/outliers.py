"""The statistics by which one class's norm is said to be too small among all."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit
from torch import Tensor

from antivenom.rng import Rng

MIN_CLASSES = 4
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


@dataclass(frozen=True)
class Prior:
    """What is expected of the spread of clean classes' norms.

    Attributes:
        spread: the standard deviation of their logarithms.
        weight: as many classes' norms as that counts for; 0 for no expectation.
    """

    spread: float = 0.35
    weight: float = 0.0


NONE = Prior()


def p_values(norms: Norms, larger: int = 0, prior: Prior = NONE) -> Norms:
    """The chance, over all classes together, of each norm (k) being so small among others that are alike.

    NaN norms are left out; fewer than four give NaN. Where all norms are known, each logarithm is held against all
    others by Student's t for a new observation, corrected for their number by Bonferroni: exact for lognormal norms,
    whatever their mean and spread. With a prior the spread is moderated by it (Smyth 2004): classes that happen to be
    alike do not make one that differs a little suspicious. Where of some classes it is only known that their norms are
    larger, each is held against what the others say of mean and spread as the sample's next smallest: Lloyd's (1952)
    best linear unbiased estimates from order statistics, and the distribution of the smallest's distance from them, by
    simulation of samples with the prior's spread.

    Args:
        norms: the known ones.
        larger: how many more classes there are, all with larger norms.
        prior: what is expected of the spread.

    >>> p_values(np.array([10.0, 12, 11, 13, 2])).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0021]
    >>> p_values(np.array([10.0, 12, 11, 13, 2]), prior=Prior(weight=10)).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0006]
    >>> p_values(np.array([10.0, 12, 11, 13, 2]), larger=20).round(2).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.02]
    """
    middle, spread, count = _others(norms, larger, prior)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (np.log(np.maximum(norms, TINY)) - middle) / spread
    apart = np.where((spread == 0) & np.isnan(apart), 0.0, apart)  # no spread, and no difference
    if not larger or count < MIN_CLASSES:
        return np.asarray(np.minimum(1.0, count * stdtr(count - 2 + prior.weight, apart)))
    below = np.searchsorted(_Smallest.of(count, larger, prior).apart, apart, side="right")
    return np.where(np.isnan(apart), np.nan, (1 + below) / (1 + DRAWS))


def thresholds(norms: Norms, rate: float, larger: int = 0, prior: Prior = NONE) -> Norms:
    """The norm at which each class' p-value is `rate`, given the others' norms (k).

    >>> norms = np.array([10.0, 12, 11, 13, 2])
    >>> norms[4] = thresholds(norms, 0.05)[4]
    >>> round(float(p_values(norms)[4]), 6)
    0.05
    """
    middle, spread, count = _others(norms, larger, prior)
    if not larger or count < MIN_CLASSES:
        apart = float(stdtrit(count - 2 + prior.weight, rate / max(count, 1)))
    else:
        apart = float(np.quantile(_Smallest.of(count, larger, prior).apart, rate))
    return np.asarray(np.exp(middle + spread * apart))


def p_values_and_thresholds(norms: Tensor, compared: Tensor, rate: float, prior: Prior) -> tuple[Tensor, Tensor]:
    """Each class's p-value, and the norm at which it would be `rate` (k).

    Args:
        norms: NaN where no trigger was found (k).
        compared: the classes that are compared with each other; the others are known to have larger norms.
        rate: the family-wise rate of false alarms.
        prior: what is expected of the spread of norms.
    """
    rest = torch.ones(len(norms), dtype=torch.bool)
    rest[compared] = False
    larger = int(rest.sum())
    known = norms.double().masked_fill(rest, torch.nan).numpy()
    p_value = torch.from_numpy(p_values(known, larger, prior))
    if not bool(p_value.isnan().all()):
        p_value[rest] = 1.0
    return p_value, torch.from_numpy(thresholds(known, rate, larger, prior))


def _others(norms: Norms, larger: int, prior: Prior) -> tuple[Norms, Norms, int]:
    """The mean that all other norms' logarithms tell of, the spread of a new one (k), and how many are known.

    NaN where a norm is, and everywhere where too few are known.
    """
    middle, spread = np.full_like(norms, np.nan), np.full_like(norms, np.nan)
    known = np.flatnonzero(~np.isnan(norms))
    if len(known) < MIN_CLASSES:
        return middle, spread, len(known)
    logs = np.log(np.maximum(norms[known], TINY))
    for place, index in enumerate(known):
        others = np.delete(logs, place)
        if larger:
            smallest = _Smallest.of(len(known), larger, prior)
            middle[index], spread[index] = (each[0] for each in smallest.told(np.sort(others)[None]))
        else:
            own = moderated(others.std(ddof=1), len(others) - 1, prior)
            middle[index], spread[index] = others.mean(), own * math.sqrt(1 + 1 / len(others))
    return middle, spread, len(known)


def moderated(spread: Norms | np.float64, degrees: int, prior: Prior) -> Norms:
    """Spreads that were found with so many degrees of freedom, moderated by what was expected."""
    squares = prior.weight * prior.spread**2 + degrees * np.square(spread)
    return np.asarray(np.sqrt(squares / (prior.weight + degrees)))


class _Smallest:
    """How far the smallest of a normal sample lies from what the next smallest say of its mean and spread.

    Attributes:
        weights: of the next smallest, in order, for mean and spread (2, known - 1).
        apart: the smallest's distance from that mean in units of that spread, in samples, sorted (draws).
    """

    def __init__(self, known: int, larger: int, prior: Prior) -> None:
        draw = Rng(0).child("smallest", known, larger).numpy()
        sample = np.sort(draw.standard_normal((DRAWS, known + larger)), axis=1)[:, :known]
        rest = sample[:, 1:]
        design = np.stack([np.ones(known - 1), rest.mean(0)], axis=1)
        weighted = np.linalg.solve(np.cov(rest, rowvar=False), design).T
        self.weights, self.prior = np.linalg.solve(weighted @ design, weighted), prior
        middle, spread = self.told(prior.spread * rest)
        self.apart = np.sort((prior.spread * sample[:, 0] - middle) / spread)

    def told(self, rest: Norms) -> tuple[Norms, Norms]:
        """Mean and spread by the next smallest of samples, in order (samples, known - 1)."""
        middle, spread = self.weights @ rest.T
        return middle, moderated(spread, rest.shape[1] - 1, self.prior)

    @staticmethod
    @cache
    def of(known: int, larger: int, prior: Prior) -> "_Smallest":
        """Made once for each number of classes."""
        return _Smallest(known, larger, prior)
