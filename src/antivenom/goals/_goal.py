"""The contracts of goals."""

from typing import Protocol, runtime_checkable

from antivenom.data import Dataset, Goal
from antivenom.shapes import Labels

__all__ = ["Goal", "TriggeredGoal"]


@runtime_checkable
class TriggeredGoal(Goal, Protocol):
    """A goal with a trigger: the attacker adds it to rows at test time, and the victim then predicts a wanted class.

    Code that needs a trigger checks for this contract, never for `Backdoor`. So your own goal, for example with several
    target classes, is measured, scanned and charted like any other goal.
    """

    def attacked(self, test: Dataset) -> Dataset:
        """Return the test rows that the attacker attacks. Rows of the wanted class are left out."""

    def triggered(self, data: Dataset) -> Dataset:
        """Return the same rows with the trigger, in the format in which the data is stored. Labels are unchanged."""

    def wanted(self, data: Dataset) -> Labels:
        """Return the class that the attacker wants for each row with the trigger (n)."""
