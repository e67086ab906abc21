"""A detector that compares rows with each other, with a figure and a chart."""

import math
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom import Classifier, Dataset, Rng
from antivenom.charts import Bars, BarSeries, Figure, WithEvidence, column
from antivenom.models import input_batches
from antivenom.settings import component


@component
class FarFromMean:
    """The distance of a row from the mean of its class, divided by the mean distance in this class.

    Args:
        false_alarm_rate: the share of clean rows that may be flagged.
    """

    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05

    def score(
        self,
        data: Dataset,
        classifier: Classifier,
        *,
        rng: Rng,
        clean: Dataset | None = None,
    ) -> WithEvidence[Tensor]:
        """Return the distance of each row (n)."""
        sums = torch.zeros(len(data.classes), math.prod(data.shape), device=data.device)
        for rows, x in input_batches(data):
            sums.index_add_(0, data.y[rows], x.flatten(1))
        means = sums / data.y.bincount(minlength=len(data.classes)).clamp_min(1)[:, None]
        distances = torch.cat([(x.flatten(1) - means[data.y[rows]]).norm(dim=1) for rows, x in input_batches(data)])
        scores, spreads = torch.zeros_like(distances), []
        for label in range(len(data.classes)):
            in_class = data.y == label
            distance = distances[in_class]
            spread = distance.mean() if bool(in_class.any()) else torch.zeros((), device=data.device)
            scores[in_class] = distance / spread.clamp_min(1e-9)
            spreads.append(float(spread))
        chart = Bars(
            name="spread",
            categories=data.classes,
            series=(BarSeries(values=column(spreads)),),
            caption="The mean distance of the rows of each class.",
            alt=f"Spreads from {min(spreads):.3g} to {max(spreads):.3g}.",
        )
        return WithEvidence(scores, (Figure(name="largest_spread", value=max(spreads), unit="none"),), (chart,))
