"""A worse model."""

from antivenom.data import Dataset, Scorer
from antivenom.settings import component


@component
class Availability:
    """The model shall be worse, in whatever way. It has no success rate: its success is the fall of accuracy.

    >>> Availability()
    Availability()
    """

    def success(self, classifier: Scorer, test: Dataset) -> float | None:  # noqa: ARG002
        """None: the fall of accuracy against the control says it."""
        return None
