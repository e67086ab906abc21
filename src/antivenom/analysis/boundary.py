"""Where the decision boundary lies in the plane, and how poison moves it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.errors import CapabilityError, SettingsError
from antivenom.goals.one_row import OneRow
from antivenom.models import Classifier
from antivenom.models.predict import predictions
from antivenom.rng import Rng
from antivenom.settings import Positive, component

FINEST = 1000
"""So many points a side, at most."""
CROSSINGS = 4
"""So many heights of the boundary, at most, are told of a vertical line."""
PLACES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
BATCH = 65_536


@dataclass(frozen=True)
class Square:
    """A square grid of points: both coordinates run from `low` up to, and not including, `high`.

    >>> Square(low=0, high=1, step=0.25).ticks.tolist()
    [0.0, 0.25, 0.5, 0.75]
    """

    low: float = -3.0
    high: float = 3.0
    step: float = 0.01

    @property
    def ticks(self) -> NDArray[np.float64]:
        """The coordinates of a side (side)."""
        return np.asarray(self.low + self.step * np.arange(round((self.high - self.low) / self.step)), np.float64)

    @property
    def points(self) -> Tensor:
        """All points (side², 2), line by line from below, float32."""
        return grid_points(self.ticks)


def margin(classifier: Classifier, points: Tensor) -> NDArray[np.float64]:
    """How far a classifier of two classes is on the side of class 1 (n): its decision is class 1 where this is above 0.

    Half the difference of its two scores: P(y = 1) - 0.5 where it has probabilities, else its decision function.

    Args:
        classifier: of points in the plane, with two classes.
        points: (n, 2).

    Raises:
        CapabilityError: it takes other rows, or has other than two classes.
    """
    if problem := _problem(classifier):
        raise CapabilityError(problem)
    parts = [classifier.scores(part).double().cpu().numpy() for part in points.split(BATCH)]
    scores = np.concatenate(parts) if parts else np.zeros((0, 2))
    return np.asarray((scores[:, 1] - scores[:, 0]) / 2)


def crossings(classifier: Classifier, x: float, square: Square) -> list[float]:
    """The heights at which the decision changes on the vertical line at x, from below, interpolated."""
    ticks = square.ticks
    line = torch.from_numpy(np.stack([np.full_like(ticks, x), ticks], 1).astype(np.float32))
    values = margin(classifier, line)
    place = np.flatnonzero((values[:-1] > 0) != (values[1:] > 0))
    share = values[place] / (values[place] - values[place + 1])
    return [float(each) for each in ticks[place] + share * square.step]


def flipped(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float]:
    """The share of the points that go from class 0 to 1, and from 1 to 0, by their margins.

    >>> flipped(np.array([-0.1, 0.1, 0.2, -0.2]), np.array([0.1, 0.1, -0.2, -0.2]))
    (0.25, 0.25)
    """
    was, now = before > 0, after > 0
    return float((~was & now).mean()), float((was & ~now).mean())


@component
class Boundary:
    """How poison moves the decision boundary of a classifier of two classes in the plane.

    Before is the model that the training started from; for a training that starts with new weights, the control. After
    is the victim, at each of its checkpoints where there are some; the control is told too. Figures: `flipped_to_1` and
    `flipped_to_0`, the share of the square that changes its class by the end, and `control_flipped_to_1`, …; where one
    point is aimed at, `turned_after` and `control_turned_after`: after how many rows its prediction has turned.

    Args:
        low: where the square begins, in both directions.
        high: where it ends.
        step: the distance of two points of the grid.
        drawn: the points a side of the pictures.

    Raises:
        SettingsError: no square, or more than a million points.

    >>> Boundary(step=0.05).step
    0.05
    """

    low: float = -3.0
    high: float = 3.0
    step: Positive = 0.01
    drawn: Annotated[int, Interval(ge=2, le=FINEST)] = 151

    def __post_init__(self) -> None:
        if not np.isfinite([self.low, self.high]).all() or not 2 <= (self.high - self.low) / self.step <= FINEST + 0.5:
            raise SettingsError(
                [
                    f"Boundary needs a square of 2 to {FINEST} points a side; "
                    f"got {self.low:g} to {self.high:g} in steps of {self.step:g}."
                ]
            )

    needs = frozenset[str]()

    @property
    def square(self) -> Square:
        """The grid."""
        return Square(self.low, self.high, self.step)

    def problems(self, made: Classifier) -> Iterator[str]:
        """Why such a model has no boundary in the plane."""
        if problem := _problem(made):
            yield problem

    def begin(self, scene: Scene, rng: Rng) -> Study:  # noqa: ARG002
        """Nothing is looked at meanwhile."""
        return Study(lambda: self._finish(scene))

    def _finish(self, scene: Scene) -> Learned:
        start = scene.control if scene.start is None else scene.start
        paths = [
            [(one.rows, one.classifier) for one in path] or [(0, last)]
            for path, last in zip(scene.paths, (scene.victim, scene.control), strict=True)
        ]
        points, x = self.square.points, scene.poisoned.base.decode(scene.poisoned.x)
        before = margin(start, points)
        ticks = np.linspace(self.low, self.high, self.drawn)
        picture = grid_points(ticks)
        arrays = {
            "square": np.array([self.low, self.high, self.step]),
            "probable": np.array("probabilities" in start.can),
            "rows": np.array([rows for rows, _ in paths[0]]),
            "ticks": ticks,
            "before": self._drawn(start, picture),
            "places": np.array(self._places),
            "test": scene.test.inputs().cpu().numpy(),
            "test_classes": scene.test.y.cpu().numpy(),
            "poison": x.cpu().numpy(),
            "poison_classes": scene.poisoned.y.cpu().numpy(),
            "said_before": predictions(start, scene.test).cpu().numpy(),
            "poison_before": margin(start, x),
            "heights_before": self._heights(start),
        }
        values: dict[str, float | None] = {}
        for (prefix, _), path in zip(scene.both.items(), paths, strict=True):
            fields, shares = [], []
            for _, classifier in path:
                shares.append(flipped(before, margin(classifier, points)))
                fields.append(self._drawn(classifier, picture))
            arrays |= {
                f"{prefix}after": np.stack(fields),
                f"{prefix}flipped": np.array(shares),
                f"{prefix}said": np.stack([predictions(each, scene.test).cpu().numpy() for _, each in path]),
                f"{prefix}heights": np.stack([self._heights(each) for _, each in path]),
            }
            values |= {f"{prefix}flipped_to_1": shares[-1][0], f"{prefix}flipped_to_0": shares[-1][1]}
        if isinstance(goal := scene.poisoned.goal, OneRow):
            aim = torch.tensor([goal.row], dtype=torch.float32)
            turned = [[bool(goal.success(each, scene.test)) for _, each in path] for path in paths]
            arrays |= {"aim": aim[0].numpy(), "aim_turned": np.array(turned)}
            for prefix, found, path in zip(scene.both, turned, paths, strict=True):
                values[f"{prefix}turned_after"] = float(path[found.index(True)][0]) if True in found else None
        arrays["poison_after"] = np.stack([margin(each, x) for _, each in paths[0]])
        return Learned(values, arrays)

    def _drawn(self, classifier: Classifier, picture: Tensor) -> NDArray[np.float32]:
        return margin(classifier, picture).reshape(self.drawn, self.drawn).astype(np.float32)

    @property
    def _places(self) -> tuple[float, ...]:
        """Where the boundary's height is told."""
        return tuple(place for place in PLACES if self.low <= place <= self.high)

    def _heights(self, classifier: Classifier) -> NDArray[np.float64]:
        """The first crossings at each place (places, CROSSINGS), NaN where there is none."""
        found = np.full((len(self._places), CROSSINGS), np.nan)
        for row, place in enumerate(self._places):
            heights = crossings(classifier, place, self.square)[:CROSSINGS]
            found[row, : len(heights)] = heights
        return found


def grid_points(ticks: NDArray[np.float64]) -> Tensor:
    """All points of a grid (n², 2), line by line from below, float32."""
    return torch.from_numpy(np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2).astype(np.float32))


def _problem(classifier: Classifier) -> str:
    if (shape := classifier.input_shape) != (2,):
        return f"A decision boundary is drawn in the plane, of rows of two numbers; this model takes {shape}."
    if classifier.classes != 2:
        return f"A decision boundary is drawn between two classes; this model knows {classifier.classes}."
    return ""
