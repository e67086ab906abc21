"""Chaff that is aimed at one point."""

import math
from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray

from antivenom.attacks._victim_step import require_surrogate
from antivenom.data import Dataset, Poisoned
from antivenom.errors import SettingsError
from antivenom.goals.one_row import OneRow
from antivenom.models import Classifier
from antivenom.models.require import require
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Count, component
from antivenom.trial import Trial

GRID = 9
"""So many places a side are tried for all points at once."""
FIRST_STEP, WIDER, NARROWER = 0.15, 1.5, 0.9
"""Steps as a share of the square's side: the 1/5th success rule of evolution strategies."""


@component
class AimedChaff:
    """Points in the plane that turn the prediction at another point in as few calls of `partial_fit` as can be found.

    A search without derivatives, for any model that learns batch by batch: each candidate is fed to copies of the
    surrogate, and what counts is how far, call by call, the prediction still is from turning. First all points stand at
    one place of a grid, then an evolution strategy with one parent and one child (Rechenberg, *Evolutionsstrategie*,
    1973) moves them apart. The attacker knows nothing but the surrogate.

    Args:
        at: the point whose prediction the attacker wants to change, within the square.
        label: the class that the attacker wants for it, and the points' label; where left out, the class that the
            surrogate does not predict.
        count: how many points.
        calls: how often all of them are going to be fed, at most.
        low: where the square begins in which points may stand, in both directions.
        high: where it ends.
        evaluations: how many candidates are tried.

    Raises:
        SettingsError: the surrogate already takes the point for the label.
        CapabilityError: no surrogate, or one that cannot learn batch by batch.

    >>> from antivenom.data.sources.plane import Plane
    >>> from antivenom.models import LogisticRegression
    >>> from antivenom.training import OwnFit
    >>> train = Plane().load().train
    >>> blank = LogisticRegression().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    >>> attack = AimedChaff(at=(-1, -1), evaluations=100)
    >>> poisoned = attack.poison(train, rng=Rng(0), surrogate=OwnFit().fit(blank, train, rng=Rng(0)))
    >>> poisoned.x.shape, poisoned.goal
    (torch.Size([5, 2]), OneRow(row=(-1.0, -1.0), target=1))
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
            "it places points in the plane; the checks' rows are images",
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
                [f"AimedChaff needs a square and a point in it; got {self.low:g} to {self.high:g} and {self.at}."]
            )

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        """The data with the points after it."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"AimedChaff {problem}" for problem in problems)
        surrogate = require_surrogate(surrogate, by="AimedChaff")
        require(surrogate, "incremental", by="AimedChaff")
        target = torch.tensor([self.at])
        label = self.label if self.label is not None else 1 - int(surrogate.scores(target).argmax(1))
        if int(surrogate.scores(target).argmax(1)) == label:
            raise SettingsError([f"AimedChaff.at: the surrogate already takes {self.at} for class {label}."])
        labels = torch.full((self.count,), label)
        points = self._search(lambda points: _distance(surrogate, target, points, labels, self.calls), rng)
        x = torch.from_numpy(points.astype(np.float32)).to(data.device)
        return Poisoned.append(data, x=x, y=labels.to(data.device), goal=OneRow(row=self.at, target=label))

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the attack does not fit the data."""
        if data.shape != (2,) or len(data.classes) != 2:
            yield f"is for points in the plane of two classes; got rows of {data.shape} of {len(data.classes)}."
        if data.bounds is not None:
            yield "is for points without bounds."

    def _search(self, cost: Callable[[NDArray[np.float64]], float], rng: Rng) -> NDArray[np.float64]:
        side = self.high - self.low
        ticks = self.low + side * (np.arange(GRID) + 0.5) / GRID
        places = [np.tile([x, y], (self.count, 1)) for x in ticks for y in ticks]
        places = [np.tile(self.at, (self.count, 1)), *places][: self.evaluations]
        costs = [cost(place) for place in places]
        best, least = places[int(np.argmin(costs))], min(costs)
        draws, step = rng.child("steps").numpy(), FIRST_STEP
        for _ in range(self.evaluations - len(places)):
            tried = (best + step * side * draws.standard_normal(best.shape)).clip(self.low, self.high)
            found = cost(tried)
            better = found < least
            step = min(0.5, step * WIDER) if better else max(1e-3, step * NARROWER)
            if better:
                best, least = tried, found
        return best


def _distance(
    surrogate: Classifier, target: torch.Tensor, points: NDArray[np.float64], labels: torch.Tensor, calls: int
) -> float:
    """How far the prediction is from turning, summed over the calls until it turns; before them it is 1."""
    learner, x, label = surrogate.copy(), torch.from_numpy(points.astype(np.float32)), int(labels[0])

    def left() -> float:
        scores = learner.scores(target)[0]
        return float(scores[1 - label] - scores[label])

    first, total = left(), 0.0
    for _ in range(calls):
        learner.learn(x, labels)
        now = left()
        total += max(now, 0.0) / max(first, 1e-12)
        if now < 0:
            break
    return total
