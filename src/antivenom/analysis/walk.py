"""A moving decision boundary: the measurements of the analysis `boundary`, in words and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from antivenom.analysis._plane import Square
from antivenom.charts import capitalised, worded
from antivenom.shapes import ShortRepr

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Walk(ShortRepr):
    """A decision boundary before the training, and after each of k steps of the training.

    Attributes:
        square: the square of points in which the boundary is measured.
        probable: True if the classifier returns probabilities; otherwise it returns a decision function.
        rows: the number of rows learned up to each step (k).
        ticks: the coordinates of the fields (side).
        before: the margin at every point of the field before the training (side, side).
        after: the margin at every point of the field after each step (k, side, side).
        flipped: the shares of the square that changed from class 0 to 1, and from 1 to 0 (k, 2).
        test: held-out points (n, 2).
        test_classes: the true classes of held-out points (n).
        predicted_before: the predicted classes of held-out points before the training (n).
        predicted: the predicted classes of held-out points after each step (k, n).
        poison: the attacker's points (m, 2).
        poison_classes: the labels of the attacker's points (m).
        control_flipped: `flipped` of the control (k, 2), or None without a control.
        control_predicted: `predicted` of the control (k, n), or None without a control.
        dropped: the attacker's points that a defence dropped (d, 2), or None without a defence.
        aim: the point whose prediction the attacker wants to change (2), or None if there is none.
        rows_per_call: the number of rows per call of `partial_fit`, or None if steps are counted in rows.
        classes: the names of the two classes.
        columns: the names of the two columns, or empty texts.
        centre: the value of each column, in the units of charts, at the coordinate 0 (2).
        unit: the difference of each column, in the units of charts, for a difference of 1 in coordinates (2).
    """

    square: Square
    probable: bool
    rows: Array
    ticks: Array
    before: Array
    after: Array
    flipped: Array
    test: Array
    test_classes: Array
    predicted_before: Array
    predicted: Array
    poison: Array
    poison_classes: Array
    control_flipped: Array | None = None
    control_predicted: Array | None = None
    dropped: Array | None = None
    aim: Array | None = None
    rows_per_call: int | None = None
    classes: tuple[str, str] = ("0", "1")
    columns: tuple[str, str] = ("", "")
    centre: tuple[float, float] = (0.0, 0.0)
    unit: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of(cls, data: Mapping[str, Array], *, rows_per_call: int | None = None) -> "Walk":
        """Return the boundary from the analysis's `data`.

        Raises:
            KeyError: `data` is not the data of the analysis `boundary`.
        """
        same = ("rows", "ticks", "before", "after", "flipped", "test", "test_classes", "predicted_before", "predicted")
        return cls(
            **{name: data[name] for name in (*same, "poison", "poison_classes")},
            square=Square(*map(float, data["square"])),
            probable=bool(data["probable"]),
            control_flipped=data["flipped.control"],
            control_predicted=data["predicted.control"],
            aim=data.get("aim"),
            rows_per_call=rows_per_call,
            classes=(str(data["classes"][0]), str(data["classes"][1])),
            columns=(str(data["columns"][0]), str(data["columns"][1])),
            centre=(float(data["centre"][0]), float(data["centre"][1])),
            unit=(float(data["unit"][0]), float(data["unit"][1])),
        )

    @property
    def scaled(self) -> bool:
        """Return true if the units of charts are not the coordinates."""
        return (self.centre, self.unit) != ((0.0, 0.0), (1.0, 1.0))

    @property
    def score(self) -> str:
        """Return the name of the classifier's score."""
        return f"P(y = {self.classes[1]})" if self.probable else "decision function"

    def shown(self, xy: Array) -> Array:
        """Return points (n, 2) in the units of charts."""
        return np.asarray(xy) * np.array(self.unit) + np.array(self.centre) if self.scaled else np.asarray(xy)

    def shown_ends(self) -> Array:
        """Return the lower and the upper end of both axes in the units of charts: ((x, y), (x, y))."""
        return self.shown(np.array([[self.square.low] * 2, [self.square.high] * 2]))

    @property
    def steps(self) -> Array:
        """Return the number of calls, or of rows, up to each step (k)."""
        return self.rows if self.rows_per_call is None else -(-self.rows // self.rows_per_call)

    @property
    def step_unit(self) -> str:
        """Return the unit of `steps`, in words."""
        return "rows learned from" if self.rows_per_call is None else "calls of partial_fit"

    def when(self, step: int | None) -> str:
        """Return the time of a step in words, such as "after 200 rows"; None means before the training."""
        if step is None:
            return "before"
        count = int(self.steps[step])
        if self.rows_per_call is None:
            return f"after {count:,} rows" if count else "after training"
        return f"after {count} call{'' if count == 1 else 's'}"

    def accuracy(self, step: int | None) -> float:
        """Return the accuracy on held-out points at a step, in [0, 1]; None means before the training."""
        predicted = self.predicted_before if step is None else self.predicted[step]
        return float((predicted == self.test_classes).mean())

    def changed(self, step: int) -> float:
        """Return the share of the square whose class differs from the class before, in [0, 1]."""
        return float(self.flipped[step].sum())

    def turned(self, step: int) -> tuple[Array, Array]:
        """Return the indices of the held-out points that became wrong, and of those that became correct."""
        before, after = self.predicted_before == self.test_classes, self.predicted[step] == self.test_classes
        return np.flatnonzero(before & ~after), np.flatnonzero(~before & after)

    def described(self, step: int) -> str:
        """Return a description of a step in one sentence."""
        wrong, correct = (len(each) for each in self.turned(step))
        return (
            f"{capitalised(self.when(step))}, {worded(self.changed(step), 'share')} of the square has changed its "
            f"class, {wrong} held-out point{'' if wrong == 1 else 's'} became wrong, {correct} became correct, and the "
            f"accuracy is {worded(self.accuracy(step), 'share')}."
        )
