"""The contract of filters."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Inputs


@runtime_checkable
class Filter(Protocol):
    """A defence that judges single inputs at prediction time: a component. A rejected input gets no answer.

    Attributes:
        needs: what it requires of the classifier; see `antivenom.settings.NEEDS`.
        false_rejection_rate: the share of clean inputs that may be rejected. Whoever uses the filter sets the threshold
            from it, on clean rows.
    """

    @property
    def needs(self) -> frozenset[str]:
        """What it requires, in the words of `antivenom.settings.NEEDS`."""

    @property
    def false_rejection_rate(self) -> float:
        """The share of clean inputs that may be rejected."""

    def suspicion(
        self, x: Inputs, classifier: Classifier, *, rng: Rng, clean: Dataset
    ) -> Tensor | WithEvidence[Tensor]:
        """How suspicious each input is (n), float; higher is more suspicious. Each is judged on its own.

        Args:
            x: inputs as the classifier takes them (n, *shape).
            classifier: the classifier that answers.
            rng: the filter's stream; the same for every call.
            clean: rows that the defender trusts; none of them is among `x`.
        """
