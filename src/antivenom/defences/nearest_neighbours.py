"""NearestNeighbours: comparing each row's label with the labels of its neighbours."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.data.rare_classes import class_problems
from antivenom.defences._features import DistanceFeatures, feature_batches
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH, rows_within
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component

SAME_ROW_DISTANCE = 1e-5
"""Two rows with one id are the same row if their distance is at most this share of the norm."""


@component
class NearestNeighbours:
    """Score each row by the share of its nearest trusted neighbours that have another label.

    Label sanitisation by neighbours (Paudice, Muñoz-González and Lupu, *Label sanitization against label flipping
    poisoning attacks*, 2018). Distances are between penultimate features if the classifier has them (Peri et al., *Deep
    k-NN defense against clean-label data poisoning attacks*, 2020), and between the rows themselves otherwise.

    A class without trusted rows cannot be judged, because all of its rows would have the score 1: such trusted rows are
    refused. Rows of a class with m trusted rows, fewer than `neighbours`, have scores of at least 1 - m / `neighbours`.

    Args:
        neighbours: the number of neighbours.
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

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        """Yield a sentence if there are fewer trusted rows than neighbours, or none of a class."""
        if len(clean) < self.neighbours:
            yield (f"requires at least {self.neighbours} trusted rows, as many as `neighbours`; got {len(clean)}.")
        else:
            yield from class_problems(clean, 1, "All rows of a class without trusted rows would have the score 1.")

    def score(
        self,
        data: Dataset,
        classifier: Classifier,
        *,
        rng: Rng,  # noqa: ARG002
        clean: Dataset | None = None,
    ) -> Tensor:
        """Return the share of each row's neighbours that have another label (n), in [0, 1].

        If several rows have the distance of the last neighbour, all of them count. If `clean` is None, the neighbours
        are the other rows of the data. A row is never its own neighbour.
        """
        trusted = data if clean is None else clean.to(data.device)
        if not len(trusted):
            return torch.zeros(len(data), device=data.device)
        trusted_features = DistanceFeatures(trusted, classifier)
        scores = []
        for rows in torch.arange(len(data), device=data.device).split(rows_within(data.shape, ROWS_PER_WIDE_BATCH)):
            features = torch.cat(list(feature_batches(data.subset(rows), classifier)))
            distances = _distances(features, data.ids[rows], trusted_features, trusted.ids)
            furthest = distances.kthvalue(min(self.neighbours, len(trusted)), dim=1, keepdim=True).values
            neighbours = (distances <= furthest) & distances.isfinite()
            disagreeing = neighbours & (trusted.y != data.y[rows, None])
            scores.append(disagreeing.sum(1) / neighbours.sum(1).clamp_min(1))
        return torch.cat(scores) if scores else torch.zeros(0, device=data.device)


def _distances(features: Tensor, ids: Tensor, others: Iterable[Tensor], other_ids: Tensor) -> Tensor:
    """Return the distances (n, m) between rows and others, which come in batches; infinity between a row and itself."""
    parts, begin = [], 0
    for other in others:
        distances = torch.cdist(features, other)
        row, column = torch.nonzero(ids[:, None] == other_ids[begin : begin + len(other)], as_tuple=True)
        gaps = (features[row] - other[column]).norm(dim=1)  # `cdist` is too imprecise near 0
        same = gaps <= SAME_ROW_DISTANCE * (1 + other[column].norm(dim=1))
        distances[row[same], column[same]] = torch.inf
        parts.append(distances)
        begin += len(other)
    return torch.cat(parts, 1)
