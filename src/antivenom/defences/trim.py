"""Trim: fitting a model repeatedly to the rows that it explains best."""

import warnings
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences._features import DistanceFeatures
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component

Floats = NDArray[np.float64]


@component
class Trim:
    """Score each row by its loss on a model that is fitted repeatedly to the rows with the smallest losses.

    TRIM (Jagielski et al., *Manipulating machine learning: poisoning attacks and countermeasures for regression
    learning*, 2018) with the cross-entropy of a logistic regression. Its inputs are the penultimate features if the
    classifier has them, and the rows themselves otherwise.

    Args:
        rate: the share of rows that each fit leaves out: the largest share of poison that the defender expects.
        strength: the weight of the L2 penalty.
        rounds: the maximum number of fits. Fitting stops earlier if the omitted rows do not change.
        false_alarm_rate: the share of clean rows that may be flagged.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> Trim(rounds=3).score(digits.test, model, rng=Rng(0)).shape
    torch.Size([450])
    """

    rate: Annotated[float, Interval(ge=0, lt=1)] = 0.1
    strength: Positive = 1.0
    rounds: AtLeastOne = 20
    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05

    def score(
        self,
        data: Dataset,
        classifier: Classifier,
        *,
        rng: Rng,  # noqa: ARG002
        clean: Dataset | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Return the cross-entropy of each row's label on the last fit (n), in nats; 0 if all rows have one class."""
        y = data.y.cpu().numpy()
        if len(np.unique(y)) < 2:
            return torch.zeros(len(data), device=data.device)
        x = StandardScaler(copy=False).fit_transform(DistanceFeatures(data, classifier).as_doubles().numpy())
        kept, count = np.arange(len(y)), max(2, round(len(y) * (1 - self.rate)))
        losses = np.zeros(len(y))
        for _ in range(self.rounds):
            if len(np.unique(y[kept])) < 2:
                break
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # an approximate fit is enough for ranking rows
                fitted = LogisticRegression(C=1 / self.strength, max_iter=200).fit(x[kept], y[kept])
            losses = _losses(fitted, x, y)
            best = np.sort(np.argsort(losses, kind="stable")[:count])
            if np.array_equal(best, kept):
                break
            kept = best
        return torch.from_numpy(losses).to(data.device)


def _losses(fitted: LogisticRegression, x: Floats, y: NDArray[np.int64]) -> Floats:
    """Return the cross-entropy of each label (n). A class without rows in the fit has the smallest probability."""
    log_probabilities = fitted.predict_log_proba(x)
    column = np.searchsorted(fitted.classes_, y).clip(max=len(fitted.classes_) - 1)
    known = fitted.classes_[column] == y
    smallest = np.log(np.finfo(np.float64).tiny)
    return np.asarray(-np.where(known, log_probabilities[np.arange(len(y)), column], smallest).clip(smallest))
