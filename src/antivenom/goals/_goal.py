"""The contracts of goals."""

from typing import Protocol, runtime_checkable

from antivenom.data import Dataset, Goal
from antivenom.shapes import Labels

__all__ = ["Goal", "TriggeredGoal"]


@runtime_checkable
class TriggeredGoal(Goal, Protocol):
    """A goal that works by a trigger: the attacker changes a row at test time, and a victim then gives a wanted class.

    Code that needs a trigger asks for this contract, never for `Backdoor` itself. A goal of your own, with several
    targets or with a trigger of its own, is then measured, scanned and drawn like any other.
    """

    def attacked(self, test: Dataset) -> Dataset:
        """The test rows that the attacker would attack: none already belongs to the class that is wanted for it."""

    def triggered(self, data: Dataset) -> Dataset:
        """The same rows with the trigger, as precisely as the data is stored; their labels stay the true ones."""

    def wanted(self, data: Dataset) -> Labels:
        """The class that the attacker wants for each row once it carries the trigger (n)."""
