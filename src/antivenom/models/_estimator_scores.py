"""Scores of estimators."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.errors import CapabilityError


def one_per_class(scores: Tensor, rows: int, classes: int, name: str) -> Tensor:
    """Return scores (rows, classes) of the estimator `name`, also if it has one score for two classes.

    Raises:
        CapabilityError: the scores have another shape.
    """
    scores = torch.stack([-scores, scores], 1) if scores.ndim == 1 else scores
    if scores.shape != (rows, classes):
        raise CapabilityError(
            f"{name} must return {classes} scores for each row, one for each class; got {scores[0].numel()}. Use an "
            "estimator with one score for each class."
        )
    return scores


def normal(scores: Tensor) -> NDArray[Any]:
    """Return probabilities that sum to 1 in double precision."""
    rows = scores.double().numpy()
    return np.asarray(rows / rows.sum(1, keepdims=True))
