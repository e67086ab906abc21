"""LossMonitor: the loss of each row before the model learns it."""

from typing import Annotated

from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Classifier, row_losses
from antivenom.rng import Rng
from antivenom.settings import component


@component
class LossMonitor:
    """Score each row by its loss on the model as it was before the row arrived. A wrong label has a high loss.

    This is the countermeasure of Yang, Wu, Li and Chen, *Generative poisoning attack method against neural networks*
    (2017).

    Args:
        false_alarm_rate: the share of clean rows that may be flagged. The threshold is set from it on the defender's
            clean rows.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> LossMonitor().score(digits.test, model, rng=Rng(0)).shape
    torch.Size([450])
    """

    needs = frozenset({"earlier_model"})

    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.01

    def score(
        self,
        data: Dataset,
        classifier: Classifier,
        *,
        rng: Rng,  # noqa: ARG002
        clean: Dataset | None = None,  # noqa: ARG002
    ) -> Tensor:
        """Return the cross-entropy of each row's label (n), in nats."""
        return row_losses(classifier, data)
