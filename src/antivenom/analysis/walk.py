"""A decision boundary that walks: what the analysis `boundary` measured, in words and numbers."""

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
    """A boundary before, and after each of k steps of the training.

    Attributes:
        square: the square of points that is looked at.
        probable: whether the classifier gives probabilities; otherwise it gives a decision function.
        rows: how many rows each step had learned from (k).
        ticks: the coordinates of the fields (side).
        before: the margin at every point of the fields (side, side).
        after: the same after each step (k, side, side).
        flipped: the share of the square that changed from class 0 to 1, and from 1 to 0 (k, 2).
        test: held-out points (n, 2).
        test_classes: their classes (n).
        predicted_before: the predicted classes of held-out points (n).
        predicted: the same after each step (k, n).
        poison: the attacker's points (m, 2).
        poison_classes: their labels (m).
        control_flipped: as `flipped`, of the control; None where there is none.
        control_predicted: as `predicted`, of the control.
        dropped: points of the attacker that a defence dropped (d, 2).
        aim: the point whose prediction the attacker wants to turn (2).
        rows_per_call: how many rows a call of `partial_fit` has; None where steps are counted in rows.
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

    @classmethod
    def of(cls, data: Mapping[str, Array], *, rows_per_call: int | None = None) -> "Walk":
        """From the data of the analysis, by its keys.

        Raises:
            KeyError: the data is of something else.
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
        )

    @property
    def steps(self) -> Array:
        """After how many calls, or rows, each step is (k)."""
        return self.rows if self.rows_per_call is None else -(-self.rows // self.rows_per_call)

    @property
    def unit(self) -> str:
        """What steps are counted in."""
        return "rows learned from" if self.rows_per_call is None else "calls of partial_fit"

    def when(self, step: int | None) -> str:
        """When a step is, in words; None stands for before."""
        if step is None:
            return "before"
        count = int(self.steps[step])
        if self.rows_per_call is None:
            return f"after {count:,} rows" if count else "after training"
        return f"after {count} call{'' if count == 1 else 's'}"

    def accuracy(self, step: int | None) -> float:
        """The accuracy on held-out points; None stands for before."""
        predicted = self.predicted_before if step is None else self.predicted[step]
        return float((predicted == self.test_classes).mean())

    def changed(self, step: int) -> float:
        """The share of the square that has another class than before."""
        return float(self.flipped[step].sum())

    def turned(self, step: int) -> tuple[Array, Array]:
        """The held-out points that turned wrong, and those that turned right, by number."""
        true, was, now = self.test_classes, self.predicted_before, self.predicted[step]
        return np.flatnonzero((was == true) & (now != true)), np.flatnonzero((was != true) & (now == true))

    def described(self, step: int) -> str:
        """A step in a sentence."""
        wrong, right = (len(each) for each in self.turned(step))
        return (
            f"{capitalised(self.when(step))}, {worded(self.changed(step), 'share')} of the square has changed its "
            f"class, and {wrong} held-out point{'' if wrong == 1 else 's'} turned wrong, {right} right: accuracy "
            f"{worded(self.accuracy(step), 'share')}."
        )
