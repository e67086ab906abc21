"""The trusted rows of each class that a repair requires."""

from collections.abc import Iterator
from typing import Literal, Protocol, runtime_checkable

from antivenom.data import Dataset
from antivenom.data.rare_classes import class_problems, rare_classes, rows_of_classes
from antivenom.models import ModuleClassifier
from antivenom.settings import component

REASON = (
    "A repair with fewer rows can destroy the accuracy on these classes, and trusted rows do not show it. Or repair "
    'nevertheless: rare_classes="accept".'
)


@runtime_checkable
class AssumesOfRows(Protocol):
    """A repair that says what it assumes about the trusted rows, such as every `AllClasses`."""

    def assumptions_about(self, clean: Dataset) -> Iterator[str]:
        """Yield what the repair assumes about trusted rows, one sentence each."""


@component
class AllClasses:
    """The base of repairs that require trusted rows of every class. `rows_per_class` is the smallest number of them.

    Args:
        rare_classes: `refuse` trusted rows with too few rows of a class, because the repair can destroy the accuracy on
            it; `accept` repairs nevertheless, and an assumption names the classes.
    """

    rows_per_class = 1

    rare_classes: Literal["refuse", "accept"] = "refuse"

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        """Yield a sentence if there are too few trusted rows of a class."""
        if self.rare_classes == "refuse":
            yield from class_problems(clean, self.rows_per_class, REASON)

    def assumptions_about(self, clean: Dataset) -> Iterator[str]:
        """Yield a sentence about the classes with too few trusted rows, if they are accepted."""
        rare = rare_classes(clean, self.rows_per_class)
        if rare and self.rare_classes == "accept":
            yield (
                f"{type(self).__name__} accepted few trusted rows ({rows_of_classes(clean, rare)}): the accuracy on "
                "these classes can be destroyed. Measure it on other rows."
            )

    def _saying(self, repaired: ModuleClassifier, clean: Dataset) -> ModuleClassifier:
        """Add what is assumed about the trusted rows to a new, repaired classifier. Return it."""
        repaired.assumptions = (*repaired.assumptions, *self.assumptions_about(clean))
        return repaired
