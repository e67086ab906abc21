"""The smallest dose at which a noisy curve reaches a level: where to measure next, and the estimate with its interval.

The search multiplies the dose until the level is reached, bisects the logarithm of the dose by the mean over the
repeats, and then measures a few more doses where the interval needs them. The estimate is the place where the isotonic
fit of the means crosses the level. The interval contains the doses whose 95 % interval contains the level: it is the
inversion of a test at every dose, so it needs no model of the curve.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FACTOR = 4.0
"""The step between two doses while the level is looked for."""
RESOLUTION = 1.1
"""The bisection ends when the two doses around the level differ by less than this factor."""
GAP = 1.5
"""An end of the interval between doses that differ by more is measured more finely."""
MORE_DOSES = 5
"""The most doses that are measured to make the ends of the interval exact."""


@dataclass(frozen=True, kw_only=True)
class DosePoint:
    """A dose that was measured.

    Args:
        dose: the setting of the attack, a rate or a number of rows.
        rate: the poisoned share of the final training set.
        rows: the number of poisoned rows.
        values: the figure in each repeat.
        mean: its mean.
        low, high: the ends of its 95 % interval; None with one repeat.
        control: the mean of the same figure of the control; None if it has none.
    """

    dose: float
    rate: float
    rows: float
    values: tuple[float, ...]
    mean: float
    low: float | None = None
    high: float | None = None
    control: float | None = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """The level to reach, and the doses that are possible.

    Args:
        level: the level that the figure reaches.
        rising: whether the figure rises with the dose. Otherwise it falls to the level.
        smallest, low, high: the smallest dose that is possible, the first that is measured, and the largest.
        whole: whether doses are whole numbers.
    """

    level: float
    rising: bool
    smallest: float
    low: float
    high: float
    whole: bool

    def reached(self, value: float) -> bool:
        """Return whether a value is at the level or beyond."""
        return value >= self.level if self.rising else value <= self.level

    def rounded(self, dose: float) -> float:
        """Return a dose that is possible, as near as can be."""
        inside = min(max(dose, self.smallest), self.high)
        return float(round(inside)) if self.whole else float(f"{inside:.6g}")

    @property
    def most_doses(self) -> int:
        """The largest number of doses that a search measures."""
        steps = math.ceil(math.log(max(self.high / self.smallest, 1)) / math.log(FACTOR)) + 1
        return steps + math.ceil(math.log2(math.log(FACTOR) / math.log(RESOLUTION))) + MORE_DOSES


@dataclass(frozen=True)
class Crossing:
    """The dose at which the level is reached, and the ends of its 95 % interval. None for an end that is unknown."""

    dose: float | None
    low: float | None
    high: float | None


@dataclass
class DoseSearch:
    """Measures doses, each at most once.

    Args:
        question: the level, and the possible doses.
        measure: measures a dose.
    """

    question: Question
    measure: Callable[[float], DosePoint]
    _points: dict[float, DosePoint] = field(default_factory=dict)

    @property
    def points(self) -> list[DosePoint]:
        """The doses so far, in rising order."""
        return [self._points[dose] for dose in sorted(self._points)]

    def run(self) -> list[DosePoint]:
        """Measure until the level is estimate, or is known to be out of reach, and return all doses in rising order."""
        ends = self._bracket()
        if ends is not None:
            self._bisect(*ends)
            self._refine()
        return self.points

    def at(self, dose: float) -> DosePoint:
        """Return the point at a dose. It is measured if it was not measured before."""
        dose = self.question.rounded(dose)
        if dose not in self._points:
            self._points[dose] = self.measure(dose)
        return self._points[dose]

    def _bracket(self) -> tuple[DosePoint, DosePoint] | None:
        """Return a dose below the level and one that reaches it; None if all reach it, or none does."""
        question, point = self.question, self.at(self.question.low)
        step = 1 / FACTOR if question.reached(point.mean) else FACTOR
        while True:
            other = self.at(point.dose * step)
            if other.dose == point.dose:  # the end of what is possible
                return None
            if question.reached(other.mean) != question.reached(point.mean):
                return (other, point) if step < 1 else (point, other)
            point = other

    def _bisect(self, below: DosePoint, above: DosePoint) -> None:
        while above.dose / below.dose > RESOLUTION and above.rows - below.rows > 1:
            middle = self.at(math.sqrt(below.dose * above.dose))
            if middle.dose in (below.dose, above.dose):
                return
            below, above = (below, middle) if self.question.reached(middle.mean) else (middle, above)

    def _refine(self) -> None:
        """Measure more doses around the ends of the interval, while these lie in wide gaps or outside."""
        for _ in range(MORE_DOSES):
            dose = self._next_for_interval()
            if dose is None or self.question.rounded(dose) in self._points:
                return
            self.at(dose)

    def _next_for_interval(self) -> float | None:
        points = self.points
        if any(point.low is None for point in points):
            return None
        estimate = crossing(points, self.question)
        doses = [point.dose for point in points]
        for end, outside in ((estimate.low, doses[0] / FACTOR), (estimate.high, doses[-1] * FACTOR)):
            if end is None:
                return outside
            place = int(np.searchsorted(doses, end))
            if 0 < place < len(doses) and doses[place] / doses[place - 1] > GAP:
                return math.sqrt(doses[place] * doses[place - 1])
        return None


def crossing(points: Sequence[DosePoint], question: Question) -> Crossing:
    """Return the dose at which the isotonic fit of the means crosses the level, and its interval.

    Args:
        points: the measured doses, in rising order.
        question: the level, and the possible doses.
    """
    sign = 1.0 if question.rising else -1.0
    places = np.log([point.dose for point in points])

    def cross(values: Sequence[float]) -> float | None:
        return _first_at(places, _isotonic(sign * np.asarray(values)), sign * question.level)

    dose = cross([point.mean for point in points])
    lows = [point.low for point in points if point.low is not None]
    highs = [point.high for point in points if point.high is not None]
    if len(lows) < len(points) or len(highs) < len(points):
        return Crossing(dose, None, None)
    first, last = (highs, lows) if question.rising else (lows, highs)
    low, high = cross(first), cross(last)
    open_below = low is not None and low == points[0].dose and points[0].dose > question.smallest
    return Crossing(dose, None if open_below else low, high)


def _isotonic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the nearest values that never fall."""
    from sklearn.isotonic import isotonic_regression  # noqa: PLC0415 - the import takes a second

    return np.asarray(isotonic_regression(values), dtype=np.float64)


def _first_at(places: NDArray[np.float64], values: NDArray[np.float64], level: float) -> float | None:
    """Return the dose at which rising values reach a level, linear in its logarithm; None if they never do."""
    reached = np.flatnonzero(values >= level)
    if not len(reached):
        return None
    place = int(reached[0])
    if place == 0:
        return float(np.exp(places[0]))
    rise = (level - values[place - 1]) / (values[place] - values[place - 1])
    return float(np.exp(places[place - 1] + rise * (places[place] - places[place - 1])))


def turns(points: Sequence[DosePoint], *, rising: bool) -> tuple[DosePoint, DosePoint] | None:
    """Return two doses between which the figure clearly goes the wrong way; None if there are none.

    Clearly means that their intervals do not overlap.
    """
    for number, first in enumerate(points):
        for second in points[number + 1 :]:
            higher, lower = (first, second) if rising else (second, first)
            if higher.low is not None and lower.high is not None and higher.low > lower.high:
                return first, second
    return None
