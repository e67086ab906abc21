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
from antivenom.models.require import require
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, component
from antivenom.trial import Trial

GRID = 9
"""The number of grid positions in each direction that are tried for all points together."""
FIRST_STEP, WIDER, NARROWER = 0.15, 1.5, 0.9
"""Step sizes as a share of the side of the square, for the 1/5th success rule of evolution strategies."""


@component
class AimedChaff:
    """Points in the plane that flip the prediction at another point with few calls of `partial_fit`.

    The attack is a search without derivatives, for any model that learns batch by batch. Each candidate is fed to a
    copy of the surrogate. Its cost is the distance of the prediction from the flip, summed over the calls. First, all
    points are at one position of a grid. Then an evolution strategy with one parent and one child (Rechenberg,
    *Evolutionsstrategie*, 1973) moves them apart. The attacker knows the surrogate and nothing else.

    Args:
        at: the target point, whose prediction the attacker wants to flip. It lies within the square.
        label: the class that the attacker wants for the target point, and the label of the points. By default, the
            class that the surrogate does not predict.
        count: the number of points.
        calls: the largest number of times that all points are fed to the model.
        low: the lower limit of the square that contains the points, in both directions.
        high: the upper limit of the square.
        evaluations: the number of candidates that are tried.

    Raises:
        SettingsError: the surrogate already predicts the label for the target point.
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
        target = torch.tensor([self.at])
        label = self.label if self.label is not None else 1 - int(surrogate.scores(target).argmax(1))
        if int(surrogate.scores(target).argmax(1)) == label:
            raise SettingsError(
                [f"AimedChaff.at: the surrogate already predicts class {label} for {self.at}. Choose another point."]
            )
        labels = torch.full((self.count,), label)
        points = self._search(lambda points: distance_to_turning(surrogate, target, points, labels, self.calls), rng)
        x = torch.from_numpy(points.astype(np.float32)).to(data.device)
        return Poisoned.append(data, x=x, y=labels.to(data.device), goal=SingleInput(row=self.at, target=label))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield the reasons why the attack does not fit the data."""
        if data.shape != (2,) or len(data.classes) != 2:
            yield f"requires points in the plane and 2 classes; got shape {data.shape} and {len(data.classes)} classes."
        if data.bounds is not None:
            yield f"requires data without bounds; got bounds {data.bounds}."

    def _search(self, cost: Callable[[NDArray[np.float64]], float], rng: Rng) -> NDArray[np.float64]:
        side = self.high - self.low
        ticks = self.low + side * (np.arange(GRID) + 0.5) / GRID
        positions = [np.tile([x, y], (self.count, 1)) for x in ticks for y in ticks]
        positions = [np.tile(self.at, (self.count, 1)), *positions][: self.evaluations]
        costs = [cost(position) for position in positions]
        best, least = positions[int(np.argmin(costs))], min(costs)
        draws, step = rng.child("steps").numpy(), FIRST_STEP
        for _ in range(self.evaluations - len(positions)):
            candidate = (best + step * side * draws.standard_normal(best.shape)).clip(self.low, self.high)
            value = cost(candidate)
            better = value < least
            step = min(0.5, step * WIDER) if better else max(1e-3, step * NARROWER)
            if better:
                best, least = candidate, value
        return best


def distance_to_turning(
    surrogate: Classifier, target: torch.Tensor, points: NDArray[np.float64], labels: torch.Tensor, calls: int
) -> float:
    """Return the distance of the prediction from the flip, relative to the start, summed over calls until the flip."""
    learner, x, label = surrogate.copy(), torch.from_numpy(points.astype(np.float32)), int(labels[0])

    def distance() -> float:
        scores = learner.scores(target)[0]
        return float(scores[1 - label] - scores[label])

    first, total = distance(), 0.0
    for _ in range(calls):
        learner.learn(x, labels)
        now = distance()
        total += max(now, 0.0) / max(first, 1e-12)
        if now < 0:
            break
    return total
