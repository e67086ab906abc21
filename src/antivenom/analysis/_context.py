"""What an analysis receives: both networks, their data, and the truth about the poison."""

from dataclasses import dataclass, replace
from typing import Final

import torch

from antivenom.data import Dataset, Poisoned
from antivenom.goals import TriggeredGoal
from antivenom.models import Checkpoint, Classifier
from antivenom.shapes import Labels, ShortRepr

MAX_POISONED_ROWS: Final = 2000
"""Analyses look at this many poisoned rows at most."""


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisContext(ShortRepr):
    """What an analysis receives. It knows the truth, because it is not a defence.

    Attributes:
        victim: trained on the poisoned data.
        control: its twin, trained on clean data.
        poisoned: what the victim was trained on, and the truth about it.
        test: clean rows that neither was trained on.
        paths: the checkpoints of the victim and of the control; empty where the training keeps none.
        start: the model that both started from; None where they started with new weights.
    """

    victim: Classifier
    control: Classifier
    poisoned: Poisoned
    test: Dataset
    paths: tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]] = ((), ())
    start: Classifier | None = None

    @property
    def networks(self) -> tuple[Classifier, Classifier]:
        """The victim, then the control."""
        return self.victim, self.control

    def poisoned_rows(self) -> tuple[Dataset, Labels]:
        """Poisoned rows with their true labels, and the class that the attacker wants for each (n).

        Test rows with the trigger, where the goal has one; otherwise the attacker's own rows whose labels are not
        those of the rows they were made from.
        """
        poisoned, goal = self.poisoned, self.poisoned.goal
        if isinstance(goal, TriggeredGoal):
            attacked = goal.attacked(self.test)
            count = min(len(attacked), MAX_POISONED_ROWS)
            attacked = attacked.subset(torch.arange(count, device=attacked.device))
            return goal.triggered(attacked), goal.wanted(attacked)
        known = poisoned.origin >= 0
        true = torch.where(known, poisoned.base.y[poisoned.origin.clamp_min(0)], poisoned.y)
        mislabelled = torch.nonzero(true != poisoned.y).flatten()[:MAX_POISONED_ROWS]
        rows = replace(poisoned.base, x=poisoned.x[mislabelled], y=true[mislabelled], ids=poisoned.ids[mislabelled])
        return rows, poisoned.y[mislabelled]
