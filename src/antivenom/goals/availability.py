"""A worse model."""

from antivenom.data import Dataset, Scorer
from antivenom.settings import component


@component
class Availability:
    """The attacker wants a worse model, in whatever way. There is no success rate: success is the drop of accuracy.

    >>> Availability()
    Availability()
    """

    def success(self, classifier: Scorer, test: Dataset) -> float | None:  # noqa: ARG002
        """None: the drop of accuracy against the control is the measure."""
        return None
