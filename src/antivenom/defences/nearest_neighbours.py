"""Asking the neighbours."""

from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences._features import distance_features
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component

SAME = 1e-5
"""A row of the same id, no further away than this share of its norm, is the row itself."""


@component
class NearestNeighbours:
    """A row whose nearest neighbours among trusted rows have another label.

    Label sanitisation by neighbours (Paudice, Muñoz-González and Lupu, *Label sanitization against label flipping
    poisoning attacks*, 2018), in the penultimate features where the classifier has them (Peri et al., *Deep k-NN
    defense against clean-label data poisoning attacks*, 2020), else in the rows themselves.

    Args:
        neighbours: how many are asked.
        false_alarm_rate: the share of clean rows that may be flagged.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> model = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> scores = NearestNeighbours().score(digits.test, model, rng=Rng(0), clean=digits.train)
    >>> scores.shape, bool(scores.mean() < 0.1)
    (torch.Size([450]), True)
    """

    neighbours: AtLeastOne = 10
    false_alarm_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05

    def score(
        self,
        data: Dataset,
        classifier: Classifier,
        *,
        rng: Rng,  # noqa: ARG002
        clean: Dataset | None = None,
    ) -> Tensor:
        """The share of its neighbours with another label (n), those of the same distance as the last one all asked.

        Without trusted rows a row's neighbours are the other rows of the data. A row is no neighbour of itself.
        """
        trusted = data if clean is None else clean.to(data.device)
        if not len(trusted):
            return torch.zeros(len(data), device=data.device)
        there = distance_features(trusted, classifier)
        scores = []
        for rows in torch.arange(len(data), device=data.device).split(ROWS_PER_WIDE_BATCH):
            here = distance_features(data.subset(rows), classifier)
            apart = torch.cdist(here, there)
            mine, twin = torch.nonzero(data.ids[rows, None] == trusted.ids, as_tuple=True)
            same = (here[mine] - there[twin]).norm(dim=1) <= SAME * (1 + there[twin].norm(dim=1))
            apart[mine[same], twin[same]] = torch.inf  # `cdist` itself is too coarse to see what is no distance
            furthest = apart.kthvalue(min(self.neighbours, len(trusted)), dim=1, keepdim=True).values
            asked = (apart <= furthest) & apart.isfinite()
            other = asked & (trusted.y != data.y[rows, None])
            scores.append(other.sum(1) / asked.sum(1).clamp_min(1))
        return torch.cat(scores) if scores else torch.zeros(0, device=data.device)
