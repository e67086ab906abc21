"""The statistics that decide if the norm of one class is too small, compared with the other classes."""

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
"""The smallest number of norms whose spread can be estimated. Fewer are compared by the expected spread."""
MIN_WITH_PRIOR = 2
"""The smallest number of norms that can be compared by the expected spread."""
TINY = 1e-12
CONSISTENT = 1.4826
"""The factor from the median absolute deviation of a normal sample to its standard deviation."""
DRAWS = 20_000
"""The number of samples that simulate the distribution of a sample's smallest value."""

Norms = NDArray[np.float64]


def anomaly_index(norms: Norms) -> Norms:
    """Return the anomaly index of each norm (k): the deviations that it lies below the median of all; 0 if above.

    The unit is the median absolute deviation, scaled to a standard deviation. In Wang et al., *Neural Cleanse* (2019),
    a norm with an index of at least 2 is an outlier. NaN norms are ignored and stay NaN. If all other norms are equal,
    the index of a smaller norm is infinite.

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
    """The expected spread of the norms of clean classes.

    Attributes:
        spread: the standard deviation of their logarithms.
        weight: the number of observed norms that this expectation counts as; 0 for no expectation.
    """

    spread: float = 0.35
    weight: float = 0.0


NONE = Prior()


def p_values(norms: Norms, larger: int = 0, prior: Prior = NONE) -> Norms:
    """Return the p-value of each norm (k): the probability of a norm this small, corrected for the number of classes.

    NaN norms are ignored; fewer than four norms return NaN, except two or three norms with a prior. If all norms are
    known, the logarithm of each is compared with all others by Student's t for a new observation, with Bonferroni's
    correction. This is exact for lognormal norms with any mean and spread. A prior moderates the spread (Smyth 2004):
    if the other norms are very similar by chance, a slightly smaller norm is not suspicious. If some norms are unknown
    but larger, mean and spread are Lloyd's (1952) best linear unbiased estimates from the next smallest norms. The
    distribution of the smallest norm's distance from the mean is then simulated, with samples that have the prior's
    spread.

    Args:
        norms: the known norms (k).
        larger: the number of further classes whose norms are unknown but larger.
        prior: the expected spread.

    >>> p_values(np.array([10.0, 12, 11, 13, 2])).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0021]
    >>> p_values(np.array([10.0, 12, 11, 13, 2]), prior=Prior(weight=10)).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0006]
    >>> p_values(np.array([10.0, 12, 11, 13, 2]), larger=20).round(2).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.02]
    """
    mean, spread, count = _others(norms, larger, prior)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (np.log(np.maximum(norms, TINY)) - mean) / spread
    distance = np.where((spread == 0) & np.isnan(distance), 0.0, distance)  # no spread, and no difference
    if not larger or count < MIN_CLASSES:
        return np.asarray(np.minimum(1.0, count * stdtr(count - 2 + prior.weight, distance)))
    below = np.searchsorted(_Smallest.of(count, larger, prior).distances, distance, side="right")
    return np.where(np.isnan(distance), np.nan, (1 + below) / (1 + DRAWS))


def thresholds(norms: Norms, rate: float, larger: int = 0, prior: Prior = NONE) -> Norms:
    """Return the norm at which each class's p-value would be `rate`, given the norms of the others (k).

    >>> norms = np.array([10.0, 12, 11, 13, 2])
    >>> norms[4] = thresholds(norms, 0.05)[4]
    >>> round(float(p_values(norms)[4]), 6)
    0.05
    """
    mean, spread, count = _others(norms, larger, prior)
    if not larger or count < MIN_CLASSES:
        distance = float(stdtrit(count - 2 + prior.weight, rate / max(count, 1)))
    else:
        distance = float(np.quantile(_Smallest.of(count, larger, prior).distances, rate))
    return np.asarray(np.exp(mean + spread * distance))


def p_values_and_thresholds(norms: Tensor, compared: Tensor, rate: float, prior: Prior) -> tuple[Tensor, Tensor]:
    """Return each class's p-value, and the norm at which it would be `rate` (both k).

    Args:
        norms: the norms; NaN if no trigger was found (k).
        compared: the classes to compare with each other. The other classes have larger norms.
        rate: the false-alarm rate over all classes together, in (0, 1).
        prior: the expected spread of the norms.
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
    """Return mean and spread of the logarithms of the other norms, for each norm (k), and the number of known norms.

    They are NaN for NaN norms. All are NaN if there are too few known norms.
    """
    mean, spread = np.full_like(norms, np.nan), np.full_like(norms, np.nan)
    known = np.flatnonzero(~np.isnan(norms))
    if len(known) < (MIN_WITH_PRIOR if prior.weight and not larger else MIN_CLASSES):
        return mean, spread, len(known)
    logs = np.log(np.maximum(norms[known], TINY))
    for place, index in enumerate(known):
        others = np.delete(logs, place)
        if larger:
            smallest = _Smallest.of(len(known), larger, prior)
            mean[index], spread[index] = (each[0] for each in smallest.estimate(np.sort(others)[None]))
        else:
            own = others.std(ddof=1) if len(others) > 1 else np.float64(0)
            deviation = moderated(own, len(others) - 1, prior)
            mean[index], spread[index] = others.mean(), deviation * math.sqrt(1 + 1 / len(others))
    return mean, spread, len(known)


def moderated(spread: Norms | np.float64, degrees: int, prior: Prior) -> Norms:
    """Return spreads that were estimated with `degrees` degrees of freedom, moderated by the prior."""
    squares = prior.weight * prior.spread**2 + degrees * np.square(spread)
    return np.asarray(np.sqrt(squares / (prior.weight + degrees)))


class _Smallest:
    """The distance of a normal sample's smallest value from the mean that the next smallest values estimate.

    Attributes:
        weights: the weights of the next smallest values, in order, for mean and spread (2, known - 1).
        distances: the distance in units of the estimated spread, for each simulated sample, sorted (draws).
    """

    def __init__(self, known: int, larger: int, prior: Prior) -> None:
        draw = Rng(0).child("smallest", known, larger).numpy()
        sample = np.sort(draw.standard_normal((DRAWS, known + larger)), axis=1)[:, :known]
        rest = sample[:, 1:]
        design = np.stack([np.ones(known - 1), rest.mean(0)], axis=1)
        weighted = np.linalg.solve(np.cov(rest, rowvar=False), design).T
        self.weights, self.prior = np.linalg.solve(weighted @ design, weighted), prior
        mean, spread = self.estimate(prior.spread * rest)
        self.distances = np.sort((prior.spread * sample[:, 0] - mean) / spread)

    def estimate(self, rest: Norms) -> tuple[Norms, Norms]:
        """Return mean and spread, estimated from the next smallest values of samples, in order (samples, known - 1)."""
        mean, spread = self.weights @ rest.T
        return mean, moderated(spread, rest.shape[1] - 1, self.prior)

    @staticmethod
    @cache
    def of(known: int, larger: int, prior: Prior) -> "_Smallest":
        """Return the simulation for these numbers of classes. It runs once for each."""
        return _Smallest(known, larger, prior)
