"""Classifiers of points in the plane: the margin of points, and the positions of the decision boundary."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.models import Classifier, any_range

BATCH_ROWS: Final = 65_536


@dataclass(frozen=True)
class Square:
    """A square grid of points. Both coordinates go from `low` up to `high`, in steps of `step`, without `high` itself.

    >>> Square(low=0, high=1, step=0.25).ticks.tolist()
    [0.0, 0.25, 0.5, 0.75]
    """

    low: float = -3.0
    high: float = 3.0
    step: float = 0.01

    @property
    def ticks(self) -> NDArray[np.float64]:
        """Return the coordinates of the points on one side (side)."""
        return np.asarray(self.low + self.step * np.arange(round((self.high - self.low) / self.step)), np.float64)

    @property
    def points(self) -> Tensor:
        """Return all points (side², 2), line by line from the bottom, float32."""
        return grid_points(self.ticks)


def margin(classifier: Classifier, points: Tensor) -> NDArray[np.float64]:
    """Return the margin of points (n): above 0 the classifier predicts class 1, otherwise class 0.

    The margin is half the difference of the two scores: P(y = 1) - 0.5 if the classifier returns probabilities, and its
    decision function otherwise.

    Args:
        classifier: a classifier of points in the plane, with two classes.
        points: the points (n, 2).

    Raises:
        CapabilityError: the rows do not have two numbers, or there are not two classes.
    """
    if problem := plane_problem(classifier):
        raise CapabilityError(problem)
    with any_range():
        parts = [classifier.scores(part).double().cpu().numpy() for part in points.split(BATCH_ROWS)]
    scores = np.concatenate(parts) if parts else np.zeros((0, 2))
    return np.asarray((scores[:, 1] - scores[:, 0]) / 2)


def crossings(classifier: Classifier, x: float, square: Square) -> list[float]:
    """Return the heights at which the predicted class changes on the vertical line at `x`, in ascending order."""
    ticks = square.ticks
    line = torch.from_numpy(np.stack([np.full_like(ticks, x), ticks], 1).astype(np.float32))
    values = margin(classifier, line)
    place = np.flatnonzero((values[:-1] > 0) != (values[1:] > 0))
    share = values[place] / (values[place] - values[place + 1])
    return [float(each) for each in ticks[place] + share * square.step]


def flipped(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float]:
    """Return the share of points that change from class 0 to 1, and from 1 to 0, given their margins before and after.

    >>> flipped(np.array([-0.1, 0.1, 0.2, -0.2]), np.array([0.1, 0.1, -0.2, -0.2]))
    (0.25, 0.25)
    """
    was, now = before > 0, after > 0
    return float((~was & now).mean()), float((was & ~now).mean())


def grid_points(ticks: NDArray[np.float64]) -> Tensor:
    """Return all points of a grid (n², 2), line by line from the bottom, float32."""
    return torch.from_numpy(np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2).astype(np.float32))


def plane_problem(classifier: Classifier) -> str:
    """Return the reason why a classifier does not have a boundary in the plane, or an empty string if it has one."""
    if classifier.input_shape != (2,):
        shape = classifier.input_shape
        return f"A decision boundary in the plane requires rows of two numbers, shape (2,); this model takes {shape}."
    if classifier.classes != 2:
        return f"A decision boundary in the plane requires two classes; this model has {classifier.classes}."
    return ""
