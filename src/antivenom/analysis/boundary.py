"""Boundary: the decision boundary in the plane, before and after poisoning."""

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
from antivenom.goals import success_of
from antivenom.goals.single_input import SingleInput
from antivenom.models import Classifier
from antivenom.models.predict import predictions
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.trial import Trial

MAX_POINTS_PER_SIDE: Final = 1000
MAX_CROSSINGS: Final = 4
"""The largest number of heights of the boundary that are reported for a vertical line."""
LINES: Final = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
"""The positions of the vertical lines on which the heights of the boundary are reported."""

Step = tuple[int, Classifier]
"""The number of rows from which a classifier has learned, and the classifier."""


@component
class Boundary:
    """Measure how poison moves the decision boundary of a classifier of two classes in the plane.

    "Before" is the model from which the training started, or the control if the training starts with new weights.
    "After" is the victim, at each of its checkpoints if there are any; the control is measured in the same way. Figures
    of victim and control: `flipped_to`, for each class, is the share of the square that has this class at the end and
    had the other class before; `flipped` is the sum of both. If the goal is one point, `turned_after` is the number of
    rows after which the model predicts the class that the attacker wants.

    Args:
        low: the lower end of the square, in both directions.
        high: the upper end of the square, in both directions.
        step: the distance between two points of the grid.
        drawn: the number of points per side in the charts.
        rows_per_call: the number of rows of a call of `partial_fit`, to count the steps of the charts in calls; null to
            count them in rows.
        columns: the names of the two columns, for the charts.
        centre: for standardised rows, the mean of each column. The charts show centre + unit × value.
        unit: for standardised rows, the standard deviation of each column.

    Raises:
        SettingsError: the grid does not have 2 to 1,000 points per side.

    >>> Boundary(step=0.05).step
    0.05
    """

    trial = Trial(
        waive=dict.fromkeys(
            (
                "analysis_does_not_change_its_inputs",
                "analysis_is_reproducible",
                "analysis_describes_itself",
                "analysis_converts_rows_in_batches",
            ),
            "it requires points in the plane, and the rows of the checks are images",
        ),
    )

    low: float = -3.0
    high: float = 3.0
    step: Positive = 0.01
    drawn: Annotated[int, Interval(ge=2, le=MAX_POINTS_PER_SIDE)] = 151
    rows_per_call: AtLeastOne | None = None
    columns: tuple[str, str] = ("", "")
    centre: tuple[float, float] = (0.0, 0.0)
    unit: tuple[Positive, Positive] = (1.0, 1.0)

    needs = frozenset[str]()

    def __post_init__(self) -> None:
        finite = np.isfinite([self.low, self.high]).all()
        if not finite or not 2 <= (self.high - self.low) / self.step <= MAX_POINTS_PER_SIDE + 0.5:
            raise SettingsError(
                [
                    f"Boundary requires a square with 2 to {MAX_POINTS_PER_SIDE} points per side; "
                    f"got {self.low:g} to {self.high:g} in steps of {self.step:g}. Change low, high or step."
                ]
            )

    @property
    def square(self) -> Square:
        """Return the grid of points."""
        return Square(self.low, self.high, self.step)

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reason why the model does not have a boundary in the plane, if there is one."""
        if problem := plane_problem(classifier):
            yield problem

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:  # noqa: ARG002
        """Return an observer without layers."""
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
            turned = [[bool(success_of(goal, each, context.test)) for _, each in path] for path in paths]
            data |= {"aim": np.array(goal.row, np.float32), "aim_turned": np.array(turned)}
            first = (
                float(path[each.index(True)][0]) if any(each) else None
                for each, path in zip(turned, paths, strict=True)
            )
            figures += pair("turned_after", *first, unit="count", better="high")
        return AnalysisResult(
            figures=tuple(figures), charts=_charts(Walk.of(data, rows_per_call=self.rows_per_call)), data=data
        )

    def _before(self, context: AnalysisContext) -> dict[str, NDArray[Any]]:
        """Return the data that is known before the first step."""
        start = context.control if context.start is None else context.start
        poisoned, ticks = context.poisoned, np.linspace(self.low, self.high, self.drawn)
        x = poisoned.base.decode(poisoned.x)
        return {
            "square": np.array([self.low, self.high, self.step]),
            "classes": np.array(context.test.classes),
            "columns": np.array(self.columns),
            "centre": np.array(self.centre),
            "unit": np.array(self.unit),
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
        """Return the measurements at each step of victim or control."""
        points, drawn = self.square.points, grid_points(np.linspace(self.low, self.high, self.drawn))
        classifiers = [classifier for _, classifier in path]
        return {
            "after": np.stack([self._field(each, drawn) for each in classifiers]),
            "flipped": np.array([flipped(before, margin(each, points)) for each in classifiers]),
            "predicted": np.stack([predictions(each, context.test).cpu().numpy() for each in classifiers]),
            "heights": np.stack([self._heights(each) for each in classifiers]),
        }

    def _field(self, classifier: Classifier, points: Tensor) -> NDArray[np.float32]:
        return margin(classifier, points).reshape(self.drawn, self.drawn).astype(np.float32)

    @property
    def _lines(self) -> tuple[float, ...]:
        """Return the positions of the vertical lines within the square."""
        return tuple(place for place in LINES if self.low <= place <= self.high)

    def _heights(self, classifier: Classifier) -> NDArray[np.float64]:
        """Return the lowest crossings on each line (lines, MAX_CROSSINGS), padded with NaN."""
        heights = np.full((len(self._lines), MAX_CROSSINGS), np.nan)
        for row, place in enumerate(self._lines):
            on_line = crossings(classifier, place, self.square)[:MAX_CROSSINGS]
            heights[row, : len(on_line)] = on_line
        return heights


def _flipped_figures(data: dict[str, NDArray[Any]], classes: tuple[str, ...]) -> list[Figure]:
    victim, control = data["flipped"][-1], data["flipped.control"][-1]
    figures = list(pair("flipped", victim.sum(), control.sum(), better="low", headline=True))
    for place, label in enumerate((1, 0)):
        figures += pair("flipped_to", victim[place], control[place], better="low", subject=classes[label])
    return figures


def _charts(walk: Walk) -> tuple[Chart, ...]:
    """Return a chart of up to three steps, and the curve if there are several."""
    last = len(walk.rows) - 1
    steps = sorted({0, last // 3, last})
    return (walk_chart(walk, steps), *((curve_chart(walk),) if last else ()))
