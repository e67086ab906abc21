"""Where the decision boundary lies in the plane, and how poison moves it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult, NoLayers
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis._plane import Square, crossings, flipped, grid_points, margin, plane_problem
from antivenom.analysis.boundary_charts import curve_chart, walk_chart
from antivenom.analysis.walk import Walk
from antivenom.charts import Chart, Figure, pair
from antivenom.errors import SettingsError
from antivenom.goals.single_input import SingleInput
from antivenom.models import Classifier
from antivenom.models.predict import predictions
from antivenom.rng import Rng
from antivenom.settings import Positive, component
from antivenom.trial import Trial

MAX_POINTS_PER_SIDE: Final = 1000
MAX_CROSSINGS: Final = 4
"""On a vertical line, this many heights of the boundary are reported at most."""
LINES: Final = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""The boundary's heights are reported on vertical lines at these places."""

Step = tuple[int, Classifier]
"""How many rows a classifier had learned from, and the classifier."""


@component
class Boundary:
    """How poison moves the decision boundary of a classifier of two classes in the plane.

    Before is the model that the training started from; for a training that starts with new weights, the control. After
    is the victim, at each of its checkpoints where there are some, and the control likewise. Figures, of victim and
    control: `flipped_to`, for each class the share of the square that has it in the end and did not before; `flipped`,
    both together; where the goal is one point, `turned_after`: after how many rows its prediction has turned.

    Args:
        low: where the square begins, in both directions.
        high: where it ends.
        step: the distance of two points of the grid.
        drawn: the points a side of the charts.

    Raises:
        SettingsError: no square, or more than a million points.

    >>> Boundary(step=0.05).step
    0.05
    """

    trial = Trial(
        waive=dict.fromkeys(
            ("analysis_leaves_its_inputs_alone", "analysis_is_reproducible", "analysis_describes_itself"),
            "it looks at points in the plane; the checks' rows are images",
        ),
    )

    low: float = -3.0
    high: float = 3.0
    step: Positive = 0.01
    drawn: Annotated[int, Interval(ge=2, le=MAX_POINTS_PER_SIDE)] = 151

    needs = frozenset[str]()

    def __post_init__(self) -> None:
        finite = np.isfinite([self.low, self.high]).all()
        if not finite or not 2 <= (self.high - self.low) / self.step <= MAX_POINTS_PER_SIDE + 0.5:
            raise SettingsError(
                [
                    f"Boundary needs a square of 2 to {MAX_POINTS_PER_SIDE} points a side; "
                    f"got {self.low:g} to {self.high:g} in steps of {self.step:g}."
                ]
            )

    @property
    def square(self) -> Square:
        """The grid."""
        return Square(self.low, self.high, self.step)

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why such a model has no boundary in the plane."""
        if problem := plane_problem(classifier):
            yield problem

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:  # noqa: ARG002
        """Observes no layers."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        paths = [
            [(one.rows, one.classifier) for one in path] or [(0, last)]
            for path, last in zip(context.paths, context.networks, strict=True)
        ]
        data = {**self._before(context), "rows": np.array([rows for rows, _ in paths[0]])}
        start = context.control if context.start is None else context.start
        before = margin(start, self.square.points)
        for suffix, path in zip(("", ".control"), paths, strict=True):
            data |= {f"{key}{suffix}": value for key, value in self._after(path, context, before).items()}
        x = context.poisoned.base.decode(context.poisoned.x)
        data["poison_after"] = np.stack([margin(classifier, x) for _, classifier in paths[0]])
        figures = _flipped_figures(data, context.test.classes)
        if isinstance(goal := context.poisoned.goal, SingleInput):
            turned = [[bool(goal.success(each, context.test)) for _, each in path] for path in paths]
            data |= {"aim": np.array(goal.row, np.float32), "aim_turned": np.array(turned)}
            first = (
                float(path[each.index(True)][0]) if any(each) else None
                for each, path in zip(turned, paths, strict=True)
            )
            figures += pair("turned_after", *first, unit="count", better="high")
        return AnalysisResult(figures=tuple(figures), charts=_charts(Walk.of(data)), data=data)

    def _before(self, context: AnalysisContext) -> dict[str, NDArray[Any]]:
        """What is known before the first step."""
        start = context.control if context.start is None else context.start
        poisoned, ticks = context.poisoned, np.linspace(self.low, self.high, self.drawn)
        x = poisoned.base.decode(poisoned.x)
        return {
            "square": np.array([self.low, self.high, self.step]),
            "probable": np.array("probabilities" in start.can),
            "ticks": ticks,
            "before": self._field(start, grid_points(ticks)),
            "places": np.array(self._lines),
            "test": context.test.inputs().cpu().numpy(),
            "test_classes": context.test.y.cpu().numpy(),
            "poison": x.cpu().numpy(),
            "poison_classes": poisoned.y.cpu().numpy(),
            "predicted_before": predictions(start, context.test).cpu().numpy(),
            "poison_before": margin(start, x),
            "heights_before": self._heights(start),
        }

    def _after(
        self, path: Sequence[Step], context: AnalysisContext, before: NDArray[np.float64]
    ) -> dict[str, NDArray[Any]]:
        """What is measured at each step of victim or control."""
        points, picture = self.square.points, grid_points(np.linspace(self.low, self.high, self.drawn))
        classifiers = [classifier for _, classifier in path]
        return {
            "after": np.stack([self._field(each, picture) for each in classifiers]),
            "flipped": np.array([flipped(before, margin(each, points)) for each in classifiers]),
            "predicted": np.stack([predictions(each, context.test).cpu().numpy() for each in classifiers]),
            "heights": np.stack([self._heights(each) for each in classifiers]),
        }

    def _field(self, classifier: Classifier, picture: Tensor) -> NDArray[np.float32]:
        return margin(classifier, picture).reshape(self.drawn, self.drawn).astype(np.float32)

    @property
    def _lines(self) -> tuple[float, ...]:
        """The vertical lines within the square."""
        return tuple(place for place in LINES if self.low <= place <= self.high)

    def _heights(self, classifier: Classifier) -> NDArray[np.float64]:
        """The first crossings on each line (lines, MAX_CROSSINGS), NaN where there is none."""
        found = np.full((len(self._lines), MAX_CROSSINGS), np.nan)
        for row, place in enumerate(self._lines):
            heights = crossings(classifier, place, self.square)[:MAX_CROSSINGS]
            found[row, : len(heights)] = heights
        return found


def _flipped_figures(data: dict[str, NDArray[Any]], classes: tuple[str, ...]) -> list[Figure]:
    victim, control = data["flipped"][-1], data["flipped.control"][-1]
    figures = list(pair("flipped", victim.sum(), control.sum(), better="low", headline=True))
    for place, label in enumerate((1, 0)):
        figures += pair("flipped_to", victim[place], control[place], better="low", subject=classes[label])
    return figures


def _charts(walk: Walk) -> tuple[Chart, ...]:
    """Up to three steps, and the curve where there are several."""
    last = len(walk.rows) - 1
    steps = sorted({0, last // 3, last})
    return (walk_chart(walk, steps), *((curve_chart(walk),) if last else ()))
