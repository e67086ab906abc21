"""One repeat of an experiment, with its models and poison in memory or in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from antivenom.data import Poisoned
from antivenom.models import Classifier
from antivenom.runner.scoring.detectors import RowScores
from antivenom.shapes import ShortRepr


class Artifacts:
    """The models and the poison of a repeat. A subclass may load them at the first use.

    Attributes:
        victim: the classifier that was trained on the poisoned data.
        control: the classifier that was trained in the same way on clean data.
        poisoned: the data that the victim was trained on, and the truth about it.
    """

    victim: Classifier
    control: Classifier
    poisoned: Poisoned


@dataclass(frozen=True, eq=False, repr=False)
class InMemory(ShortRepr, Artifacts):
    """Models and poison in memory."""

    victim: Classifier
    control: Classifier
    poisoned: Poisoned


@dataclass(frozen=True, eq=False, repr=False)
class Repeat:
    """One seed's figures, models and poison.

    Args:
        values: the figures by key; None for a figure that does not apply.
        losses: the mean training loss of each epoch, of victim and control.
        confusion: the confusion matrices of victim and control (2, classes, classes). Rows are true classes.
        artifacts: the models and the poison.
        row_scores: the scores of each row of the victim's training data, by the detector's name. It is empty for a
            run that was read from its folder, where `rows.csv` has the scores.
        row_names: the file of each row of the clean training data, by the row's id, or None if rows are not files.
    """

    values: Mapping[str, float | None]
    losses: tuple[tuple[float, ...], tuple[float, ...]]
    confusion: NDArray[Any]
    artifacts: Artifacts
    row_scores: Mapping[str, RowScores] = field(default_factory=dict)
    row_names: Mapping[int, str] | None = None

    @property
    def victim(self) -> Classifier:
        """The classifier that was trained on the poisoned data."""
        return self.artifacts.victim

    @property
    def control(self) -> Classifier:
        """The classifier that was trained in the same way on clean data."""
        return self.artifacts.control

    @property
    def poisoned(self) -> Poisoned:
        """The data that the victim was trained on, and the truth about it."""
        return self.artifacts.poisoned

    def __repr__(self) -> str:
        return f"Repeat({len(self.values)} figures)"
