"""The contract of detectors."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng


@runtime_checkable
class Detector(Protocol):
    """A defence that scores the rows of a training set: a component, such as `LossMonitor`.

    A detector whose `needs` hold `earlier_model` meets rows before anything is trained on them. It receives the
    classifier that stood before they came. Every other one receives the classifier that was trained on them.

    Attributes:
        needs: what it requires; see `antivenom.settings.NEEDS`.
        false_alarm_rate: the share of clean rows that may be flagged. Whoever uses the scores sets the threshold from
            it, on clean rows that were scored together with the others.
    """

    @property
    def needs(self) -> frozenset[str]:
        """What it requires, in the words of `antivenom.settings.NEEDS`."""

    @property
    def false_alarm_rate(self) -> float:
        """The share of clean rows that may be flagged."""

    def score(
        self, data: Dataset, classifier: Classifier, *, rng: Rng, clean: Dataset | None = None
    ) -> Tensor | WithEvidence[Tensor]:
        """How suspicious each row is (n), float; higher is more suspicious. The order of the rows must not matter.

        Args:
            data: the rows, poisoned or not.
            classifier: the classifier that a defender has.
            rng: the detector's stream.
            clean: rows that the defender trusts; None for none. Some of them may be among `data`, with the same ids.
        """
