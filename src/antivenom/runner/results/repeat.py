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
    """The models and the poison of a repeat; a subclass may load them when they are asked for.

    Attributes:
        victim: the classifier that was trained on the poisoned data.
        control: its twin, trained on clean data.
        poisoned: what the victim trained on, and the truth about it.
    """

    victim: Classifier
    control: Classifier
    poisoned: Poisoned


@dataclass(frozen=True, eq=False, repr=False)
class InMemory(ShortRepr, Artifacts):
    """Models and poison that are still at hand."""

    victim: Classifier
    control: Classifier
    poisoned: Poisoned


@dataclass(frozen=True, eq=False, repr=False)
class Repeat:
    """One seed's figures, models and poison.

    Args:
        values: the figures by key; None where one does not apply.
        losses: the mean training loss of each epoch, of victim and control.
        confusion: of victim and control (2, classes, classes): rows are true classes.
        artifacts: its models and poison.
        row_scores: what each detector makes of each row that the victim trains on, by the detector's name; empty for a
            run that was read back, whose `rows.csv` has them.
        row_names: the file of each row of the clean training data, by its id, where the data set names files.
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
        """Its twin, trained on clean data."""
        return self.artifacts.control

    @property
    def poisoned(self) -> Poisoned:
        """What the victim trained on, and the truth about it."""
        return self.artifacts.poisoned

    def __repr__(self) -> str:
        return f"Repeat({len(self.values)} figures)"
