"""What a scan says of a classifier, class by class, and the statistics by which it says it."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from bezoar.data import Dataset
from bezoar.models import Classifier
from bezoar.rng import Rng
from bezoar.shapes import Inputs

FEWEST = 4
"""Classes below which none can be told from the others."""
TINY = 1e-12
CONSISTENT = 1.4826
"""What makes the median absolute deviation of a normal sample its standard deviation."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a scan says, a row a class (k).

    Attributes:
        masks: where the recovered trigger lies, in [0, 1] (k, 1 or channels, height, width).
        patterns: what it puts there, within the data's bounds (k, *shape).
        l1: the masks' L1 norms (k).
        threshold: the norm below which each class would be flagged, given the others' (k).
        success: the share of clean rows that the trigger sends to its class (k).
        anomaly_index: of Wang et al.: how many consistent deviations a norm lies below the median (k); shown, never
            deciding.
        p_value: the chance of a norm as small among classes that are alike, corrected for their number (k).
        flagged: the classes that look like a backdoor's target (k).
        inconclusive: the classes of which nothing can be said: no trigger was found, or too few classes (k).
        false_alarm_rate: the chance, over all classes together, with which a clean classifier may be flagged.
        rows: how many rows, masks put on, went through the classifier.
    """

    masks: Tensor
    patterns: Tensor
    l1: Tensor
    threshold: Tensor
    success: Tensor
    anomaly_index: Tensor
    p_value: Tensor
    flagged: Tensor
    inconclusive: Tensor
    false_alarm_rate: float
    rows: int

    @property
    def suspected(self) -> tuple[int, ...]:
        """The flagged classes, the most suspicious first."""
        order = self.p_value.nan_to_num(nan=1.0).argsort(stable=True)
        return tuple(int(each) for each in order if self.flagged[each])

    def with_trigger(self, x: Inputs, target: int) -> Inputs:
        """Rows with the trigger recovered for a class (n, *shape)."""
        mask, pattern = self.masks[target].to(x), self.patterns[target].to(x)
        return (1 - mask) * x + mask * pattern


@runtime_checkable
class Scan(Protocol):
    """A defence that looks for a backdoor in a classifier, class by class: a component, such as `NeuralCleanse`."""

    def scan(self, classifier: Classifier, clean: Dataset, *, rng: Rng) -> Verdict:
        """What it says of each class.

        Args:
            classifier: the classifier.
            clean: rows with their true labels, which a defender has.
            rng: the scan's stream.
        """


def anomaly_index(norms: NDArray[np.float64]) -> NDArray[np.float64]:
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


def p_values(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance of each norm (k) being so small among others that are alike, times the number of classes, at most 1.

    Each logarithm is held against all others by Student's t for a new observation: exact for lognormal norms, whatever
    their mean and spread. NaN norms are left out; fewer than four give NaN.

    >>> p_values(np.array([10.0, 12, 11, 13, 2])).round(4).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0021]
    """
    middle, spread, count = _others(norms)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (np.log(np.maximum(norms, TINY)) - middle) / spread
    apart = np.where((spread == 0) & np.isnan(apart), 0.0, apart)  # no spread, and no difference
    return np.asarray(np.minimum(1.0, count * stats.t.cdf(apart, count - 2)))


def thresholds(norms: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """The norm at which each class' p-value is `rate`, given the others' norms (k).

    >>> norms = np.array([10.0, 12, 11, 13, 2])
    >>> norms[4] = thresholds(norms, 0.05)[4]
    >>> round(float(p_values(norms)[4]), 6)
    0.05
    """
    middle, spread, count = _others(norms)
    return np.asarray(np.exp(middle + spread * stats.t.ppf(rate / max(count, 1), count - 2)))


def _others(norms: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Mean of the logarithms of all other norms, the spread of a new one (k), and how many are known.

    NaN where a norm is, and everywhere where too few are known.
    """
    middle, spread = np.full_like(norms, np.nan), np.full_like(norms, np.nan)
    known = np.flatnonzero(~np.isnan(norms))
    if len(known) < FEWEST:
        return middle, spread, len(known)
    logs = np.log(np.maximum(norms[known], TINY))
    for place, index in enumerate(known):
        others = np.delete(logs, place)
        middle[index] = others.mean()
        spread[index] = others.std(ddof=1) * math.sqrt(1 + 1 / len(others))
    return middle, spread, len(known)


def verdict_of(
    masks: Tensor, patterns: Tensor, success: Tensor, reached: Tensor, *, false_alarm_rate: float, rows: int
) -> Verdict:
    """The verdict on recovered triggers; `reached` says for which classes one was found at all (k)."""
    l1 = masks.flatten(1).abs().sum(1).double().cpu()
    reached = reached.cpu()
    norms = torch.where(reached, l1, torch.nan).numpy()
    p_value = torch.from_numpy(p_values(norms))
    threshold = torch.from_numpy(thresholds(norms, false_alarm_rate))
    return Verdict(
        masks=masks.cpu(),
        patterns=patterns.cpu(),
        l1=l1,
        threshold=threshold,
        success=success.double().cpu(),
        anomaly_index=torch.from_numpy(anomaly_index(norms)),
        p_value=p_value,
        flagged=p_value <= false_alarm_rate,
        inconclusive=p_value.isnan(),
        false_alarm_rate=false_alarm_rate,
        rows=rows,
    )
