"""Lower accuracy on all inputs."""

from antivenom.data import Dataset, Scorer
from antivenom.settings import component


@component
class Availability:
    """The attacker wants the model to be worse on all inputs. Success is the accuracy drop, so it has no success rate.

    >>> Availability()
    Availability()
    """

    def success(self, classifier: Scorer, test: Dataset) -> float | None:  # noqa: ARG002
        """Return None. The measure is the accuracy drop from the control to the victim."""
        return None
