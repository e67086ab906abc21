"""A filter, with a figure and a chart."""

from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from antivenom import Classifier, Dataset, Rng
from antivenom.charts import Figure, Histogram, Values, WithEvidence, column
from antivenom.settings import component
from antivenom.shapes import Inputs


@component
class DarkInputs:
    """Rejects inputs whose lowest row of pixels is darker than usual.

    Args:
        false_rejection_rate: the share of clean inputs that may be rejected.
    """

    needs = frozenset({"images"})

    false_rejection_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.1

    def suspicion(
        self,
        x: Inputs,
        classifier: Classifier,
        *,
        rng: Rng,
        clean: Dataset,
    ) -> WithEvidence[Tensor]:
        """Return the darkness of each input in that row, compared with clean rows (n)."""
        usual = clean.inputs()[..., -1, :].mean()
        darkness = usual - x[..., -1, :].flatten(1).mean(1)
        values = Values(values=column(darkness))
        chart = Histogram(name="darkness", groups=(values,), caption="Darkness of the lowest row.", alt="Darkness.")
        return WithEvidence(darkness, (Figure(name="usual_brightness", value=float(usual), unit="none"),), (chart,))
