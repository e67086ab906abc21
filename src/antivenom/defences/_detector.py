"""The detector's protocol."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng


@runtime_checkable
class Detector(Protocol):
    """A defence that scores rows: a component, such as `LossMonitor`.

    A detector may have `arrival = True`: it meets rows before anything is trained on them, and is given the classifier
    that stood before they came. Every other is given the classifier that was trained on them.

    Attributes:
        false_alarm_rate: the share of clean rows that may be flagged; whoever uses the scores sets the threshold from
            it, on clean rows.
    """

    false_alarm_rate: float

    def score(self, data: Dataset, classifier: Classifier, *, rng: Rng, clean: Dataset | None = None) -> Tensor:
        """How suspicious each row is (n), higher is more; the order of the rows must not matter.

        Args:
            data: the rows, poisoned or not.
            classifier: the classifier that a defender has.
            rng: the detector's stream.
            clean: rows that the defender trusts.
        """
