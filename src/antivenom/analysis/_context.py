"""The input of an analysis: both networks, their data, and the truth about the poison."""

from dataclasses import dataclass, replace
from typing import Final

import torch

from antivenom.data import Dataset, Poisoned
from antivenom.goals import TriggeredGoal, attacked_rows, target_classes, triggered_rows
from antivenom.models import Checkpoint, Classifier
from antivenom.shapes import Labels, ShortRepr

MAX_POISONED_ROWS: Final = 2000
"""The largest number of poisoned rows that analyses use."""


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisContext(ShortRepr):
    """The input of an analysis. It contains the truth, because an analysis is not a defence.

    Attributes:
        victim: the model that was trained on the poisoned data.
        control: the model that was trained in the same way on clean data.
        poisoned: the victim's training data, and the truth about it.
        test: clean rows that were not used for training.
        paths: the checkpoints of the victim and of the control; empty if the training does not keep checkpoints.
        start: the model from which both started, or None if they started with new weights.
    """

    victim: Classifier
    control: Classifier
    poisoned: Poisoned
    test: Dataset
    paths: tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]] = ((), ())
    start: Classifier | None = None

    @property
    def networks(self) -> tuple[Classifier, Classifier]:
        """Return the victim and the control."""
        return self.victim, self.control

    def poisoned_rows(self) -> tuple[Dataset, Labels]:
        """Return poisoned rows with their true labels, and the class that the attacker wants for each (n).

        If the goal has a trigger, these are test rows with the trigger. Otherwise they are the attacker's rows whose
        labels differ from those of the original rows. There are at most `MAX_POISONED_ROWS`.
        """
        poisoned, goal = self.poisoned, self.poisoned.goal
        if isinstance(goal, TriggeredGoal):
            attacked = attacked_rows(goal, self.test)
            count = min(len(attacked), MAX_POISONED_ROWS)
            attacked = attacked.subset(torch.arange(count, device=attacked.device))
            return triggered_rows(goal, attacked), target_classes(goal, attacked)
        known = poisoned.origin >= 0
        true = torch.where(known, poisoned.base.y[poisoned.origin.clamp_min(0)], poisoned.y)
        mislabelled = torch.nonzero(true != poisoned.y).flatten()[:MAX_POISONED_ROWS]
        rows = replace(poisoned.base, x=poisoned.x[mislabelled], y=true[mislabelled], ids=poisoned.ids[mislabelled])
        return rows, poisoned.y[mislabelled]
