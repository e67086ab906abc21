"""The contract of filters."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import WithEvidence
from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import written
from antivenom.shapes import Inputs


@runtime_checkable
class Filter(Protocol):
    """A defence that accepts or rejects each input at prediction time: a component. A rejected input is not classified.

    Attributes:
        needs: its requirements on the classifier; see `antivenom.settings.NEEDS`.
        false_rejection_rate: the share of clean inputs that may be rejected. The caller derives the threshold from it,
            on clean rows.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Return its requirements: keys of `antivenom.settings.NEEDS`."""

    @property
    @written("Annotated[float, Interval(gt=0, lt=1)] = 0.05")
    def false_rejection_rate(self) -> float:
        """Return the share of clean inputs that may be rejected, in (0, 1)."""

    def suspicion(
        self, x: Inputs, classifier: Classifier, *, rng: Rng, clean: Dataset
    ) -> Tensor | WithEvidence[Tensor]:
        """Return a float score for each input (n); higher is more suspicious. It must not depend on the other inputs.

        Many large inputs come in several calls. The evidence of the first call is then used.

        Args:
            x: inputs in the form that the classifier takes (n, *shape).
            classifier: the classifier that the filter protects.
            rng: the filter's random stream, the same for every call.
            clean: rows that the defender trusts; `x` contains none of them.
        """
