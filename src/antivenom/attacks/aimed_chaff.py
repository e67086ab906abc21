"""Chaff that targets one point."""

import math
from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray

from antivenom.attacks.victim_step import require_surrogate
from antivenom.data import Dataset, Poisoned
from antivenom.errors import SettingsError
from antivenom.goals.single_input import SingleInput
from antivenom.models import Classifier
from antivenom.models.optimizers import Optimizer, OptimizerName
from antivenom.models.require import require
from antivenom.models.torch_modules import is_module
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, Positive, component
from antivenom.trial import Trial

GRID = 9
"""The number of grid positions in each direction that are tried for all points together."""
FIRST_STEP, WIDER, NARROWER = 0.15, 1.5, 0.9
"""Step sizes as a share of the side of the square, for the 1/5th success rule of evolution strategies."""

LONGER = (1, 2, 4, 8)
"""The factors of `calls` with which the grid is tried, until a position flips the prediction."""
SMALLEST = 1e-30
"""Probabilities below it count as this, for a finite logarithm."""
Placement = NDArray[np.float64]


@component
class AimedChaff:
    """Points in the plane that flip the prediction at another point with few calls of `partial_fit`.

    The attack is a search without derivatives, for any model that learns batch by batch. Each candidate is fed to a
    copy of the surrogate. Its cost is the number of calls until the prediction flips, or else the score of the wanted
    class after the last call. First, all points are at one position of a grid. If no position flips the prediction, the
    search doubles the number of calls, up to 8 times `calls`. Then an evolution strategy with one parent and one child
    (Rechenberg, *Evolutionsstrategie*, 1973) moves the points apart. The attacker knows the surrogate and nothing else.

    Args:
        at: the target point, whose prediction the attacker wants to flip. It lies within the square.
        label: the class that the attacker wants for the target point, and the label of the points. By default, the
            class that the surrogate does not predict.
        count: the number of points.
        calls: the number of times that all points are fed to the victim.
        low: the lower limit of the square that contains the points, in both directions.
        high: the upper limit of the square.
        evaluations: the number of candidates that are tried.
        optimizer: the optimizer of the victim's calls, for an `nn.Module`; `adam` if null.
        learning_rate: the learning rate of the victim's calls, for an `nn.Module`; 0.001 if null.

    Raises:
        SettingsError: the surrogate already predicts the label for the target point, or `optimizer` or `learning_rate`
            is set for a surrogate that is not an `nn.Module`.
        CapabilityError: the surrogate is missing, or cannot learn batch by batch.

    >>> from antivenom.data.sources.plane import Plane
    >>> from antivenom.models import Estimator
    >>> from antivenom.training import OwnFit
    >>> train = Plane().load().train
    >>> linear = Estimator(class_name="SGDClassifier", settings={"loss": "log_loss"})
    >>> blank = linear.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    >>> attack = AimedChaff(at=(-1, -1), evaluations=100)
    >>> poisoned = attack.poison(train, rng=Rng(0), surrogate=OwnFit().fit(blank, train, rng=Rng(0)))
    >>> poisoned.x.shape, poisoned.goal
    (torch.Size([5, 2]), SingleInput(row=(-1.0, -1.0), target=1))
    """

    needs = frozenset({"surrogate", "incremental"})
    appends = True
    trial = Trial(
        settings={"at": (0.0, 0.0)},
        waive=dict.fromkeys(
            (
                "attack_does_not_change_its_inputs",
                "attack_is_reproducible",
                "attack_reports_its_rows",
                "attack_has_an_effect",
                "attack_converts_rows_in_batches",
            ),
            "it puts points into the plane, and the rows of the checks are images",
        ),
    )

    at: tuple[float, float]
    label: Annotated[Count, Interval(le=1)] | None = None
    count: AtLeastOne = 5
    calls: AtLeastOne = 15
    low: float = -3.0
    high: float = 3.0
    evaluations: AtLeastOne = 300
    optimizer: OptimizerName | None = None
    learning_rate: Positive | None = None

    def __post_init__(self) -> None:
        square = -math.inf < self.low < self.high < math.inf
        if not square or not all(self.low <= each <= self.high for each in self.at):
            raise SettingsError(
                [f"AimedChaff needs low < high and at within them; got {self.low:g}, {self.high:g} and {self.at}."]
            )

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """Return the data with the points appended."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"AimedChaff {problem}" for problem in problems)
        surrogate = require_surrogate(surrogate, by="AimedChaff")
        require(surrogate, "incremental", by="AimedChaff")
        surrogate = self._learning_like_the_victim(surrogate)
        target = torch.tensor([self.at])
        label = self.label if self.label is not None else 1 - int(surrogate.scores(target).argmax(1))
        if int(surrogate.scores(target).argmax(1)) == label:
            raise SettingsError(
                [f"AimedChaff.at: the surrogate already predicts class {label} for {self.at}. Choose another point."]
            )
        labels = torch.full((self.count,), label)
        points = self._search(lambda points, calls: calls_until_flip(surrogate, target, points, labels, calls), rng)
        x = torch.from_numpy(points.astype(np.float32)).to(data.device)
        return Poisoned.append(data, x=x, y=labels.to(data.device), goal=SingleInput(row=self.at, target=label))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the attack does not fit the data."""
        if data.shape != (2,) or len(data.classes) != 2:
            yield f"requires points in the plane and 2 classes; got shape {data.shape} and {len(data.classes)} classes."
        if data.bounds is not None:
            yield f"requires data without bounds; got bounds {data.bounds}."

    def _learning_like_the_victim(self, surrogate: Classifier) -> Classifier:
        """Return the surrogate with the optimizer of the victim's calls."""
        if self.optimizer is None and self.learning_rate is None:
            return surrogate
        if not is_module(surrogate):
            raise SettingsError(
                ["AimedChaff.optimizer and learning_rate require an nn.Module; a scikit-learn estimator has its own."]
            )
        learner = surrogate.copy()
        learner.optimizer = Optimizer(name=self.optimizer or "adam", learning_rate=self.learning_rate or 1e-3)
        return learner

    def _search(self, cost: Callable[[Placement, int], float], rng: Rng) -> Placement:
        side = self.high - self.low
        ticks = self.low + side * (np.arange(GRID) + 0.5) / GRID
        positions = [np.tile([x, y], (self.count, 1)) for x in ticks for y in ticks]
        positions = [np.tile(self.at, (self.count, 1)), *positions][: self.evaluations]
        best, least, limit = positions[0], math.inf, self.calls
        for factor in LONGER:
            limit = factor * self.calls
            costs = [cost(position, limit) for position in positions]
            best, least = positions[int(np.argmin(costs))], min(costs)
            if least < limit:  # it flips
                break
        draws, step = rng.child("steps").numpy(), FIRST_STEP
        for _ in range(self.evaluations - len(positions)):
            limit = min(limit, math.ceil(least))  # a candidate that flips later is not better
            candidate = (best + step * side * draws.standard_normal(best.shape)).clip(self.low, self.high)
            value = cost(candidate, limit)
            better = value < least
            step = min(0.5, step * WIDER) if better else max(1e-3, step * NARROWER)
            if better:
                best, least = candidate, value
        return best


def calls_until_flip(
    surrogate: Classifier, target: torch.Tensor, points: Placement, labels: torch.Tensor, calls: int
) -> float:
    """Return the number of calls until a prediction flips, which is below `calls` if it does.

    Between two calls, the margin is interpolated. If the prediction does not flip, the result is `calls` plus the
    margin after the last call, relative to the margin before the first. The margin is the difference of the logarithms
    of the probabilities, or of the decision function.

    Args:
        surrogate: the classifier, which is not changed.
        target: the point (1, 2).
        points: the points that are learned in each call (n, 2).
        labels: their label (n), the same for all of them.
        calls: the largest number of calls.
    """
    learner, x, label = surrogate.copy(), torch.from_numpy(points.astype(np.float32)), int(labels[0])
    probable = "probabilities" in surrogate.can

    def margin() -> float:
        scores = learner.scores(target)[0].double()
        scores = scores.clamp(min=SMALLEST).log() if probable else scores
        return float(scores[1 - label] - scores[label])

    first = before = margin()
    for call in range(calls):
        learner.learn(x, labels)
        now = margin()
        if now < 0:
            return call + before / (before - now)
        before = now
    return calls + before / max(first, 1e-12)
