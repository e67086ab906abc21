"""The contract of detectors."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import written


@runtime_checkable
class Detector(Protocol):
    """A defence that scores the rows of a training set: a component, such as `LossMonitor`.

    A detector that needs `earlier_model` scores rows before a model is trained on them. It receives the classifier as
    it was before the rows arrived. All other detectors receive the classifier that was trained on the rows.

    Attributes:
        needs: its requirements; see `antivenom.settings.NEEDS`.
        false_alarm_rate: the share of clean rows that may be flagged. The caller derives the threshold from it, on
            clean rows that were scored together with the others.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Return its requirements: keys of `antivenom.settings.NEEDS`."""

    @property
    @written("Annotated[float, Interval(gt=0, lt=1)] = 0.05")
    def false_alarm_rate(self) -> float:
        """Return the share of clean rows that may be flagged, in (0, 1)."""

    def score(
        self, data: Dataset, classifier: Classifier, *, rng: Rng, clean: Dataset | None = None
    ) -> Tensor | WithEvidence[Tensor]:
        """Return a float score for each row (n); higher is more suspicious. The order of the rows must not matter.

        Args:
            data: the rows, poisoned or not.
            classifier: the classifier that a defender has.
            rng: the detector's random stream.
            clean: rows that the defender trusts, or None if there are none. `data` may contain some of them, with the
                same ids.
        """
