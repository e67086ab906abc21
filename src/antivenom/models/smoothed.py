"""Least squares on fixed features, smoothed by random flips of the training labels."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from antivenom.models._scores_only import ScoresOnly, named_part, part_of
from antivenom.models.batches import batches
from antivenom.models.certified import Certificates, Threat
from antivenom.models.classifier import Classifier
from antivenom.models.flip_bound import flip_radius
from antivenom.models.identity import Identifiable, weights_digest
from antivenom.models.restoring import restored
from antivenom.rng import Rng
from antivenom.settings.taken_rows import check_scored
from antivenom.shapes import Features, Inputs, Labels, Scores

NUMBERS_PER_BATCH = 1 << 22
"""The most weights of training labels per batch."""


@dataclass(frozen=True, eq=False, repr=False)
class SmoothedLeastSquares(ScoresOnly):
    """Ridge regression of one-hot labels on features that do not depend on labels, with flipped labels in expectation.

    The expected scores are those of the given labels, moved towards their mean, so that the prediction is the same.

    Args:
        extractor: the features of its last linear layer, and a constant, are the columns of the regression.
        known: the features of the training rows (n, d); without rows if it is not fitted.
        labels: the training labels (n).
        l2: the penalty of squared weights, for each training row.
        noise: the probability that the noise changes a label, in (0, 0.5).
    """

    extractor: Classifier
    known: Features
    labels: Labels
    l2: float
    noise: float

    can = frozenset[str]()
    threat: Threat = "label flips"

    @property
    def source(self) -> Classifier:
        """The classifier that takes the rows."""
        return self.extractor

    @property
    def name(self) -> str:
        """The name of the extractor."""
        return f"smoothed least squares on features of {self.extractor.name}"

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.extractor.classes

    def __repr__(self) -> str:
        return f"SmoothedLeastSquares({self.name}, {len(self.labels)} labels)"

    def scores(self, x: Inputs) -> Scores:
        """Return the regression of each class (n, classes), without gradient. They are not probabilities."""
        check_scored(self, x)
        parts = [torch.empty(0, self.classes, device=self.device)]
        parts += [(self._columns(x[rows]) @ self._solution).float() for rows in batches(len(x))]
        return torch.cat(parts)

    def certified(self, x: Inputs) -> Certificates:
        """Return, for each row, the number of flipped training labels that its prediction survives (n)."""
        radii = [torch.empty(0, dtype=torch.int64, device=self.device)]
        for rows in batches(len(x), max(1, NUMBERS_PER_BATCH // max(1, len(self.labels)))):
            columns = self._columns(x[rows])
            weights = self._design @ torch.linalg.solve(self._gram, columns.T)
            predicted = (columns @ self._solution).argmax(1)
            radii.append(flip_radius(weights, self.labels, predicted, self.classes, self.noise))
        return torch.cat(radii)

    @cached_property
    def _design(self) -> Tensor:
        return functional.pad(self.known.double(), (0, 1), value=1.0)

    @cached_property
    def _gram(self) -> Tensor:
        width = self._design.shape[1]
        penalty = self.l2 * max(1, len(self.labels)) * torch.eye(width, dtype=torch.float64, device=self.device)
        gram: Tensor = self._design.T @ self._design + penalty
        return gram

    @cached_property
    def _solution(self) -> Tensor:
        targets = functional.one_hot(self.labels, self.classes).double()
        solution: Tensor = torch.linalg.solve(self._gram, self._design.T @ targets)
        return solution

    def _columns(self, x: Inputs) -> Tensor:
        return functional.pad(self.extractor.features(x).double(), (0, 1), value=1.0)

    def to(self, device: torch.device | str) -> "SmoothedLeastSquares":
        """Return a copy on another device."""
        known, labels = self.known.to(device), self.labels.to(device)
        return replace(self, extractor=self.extractor.to(device), known=known, labels=labels)

    def copy(self) -> "SmoothedLeastSquares":
        """Return a copy that shares nothing with this classifier."""
        known, labels = self.known.clone(), self.labels.clone()
        return replace(self, extractor=self.extractor.copy(), known=known, labels=labels)

    def fresh(self, rng: Rng) -> "SmoothedLeastSquares":
        """Return an unfitted classifier, with new weights of the extractor."""
        return unfitted(self.extractor.fresh(rng), l2=self.l2, noise=self.noise)

    def state(self) -> dict[str, Tensor]:
        """Return the weights of the extractor, and the features and labels of the training rows."""
        state = named_part(self.extractor.state(), "extractor")
        return {**state, "known": self.known.clone(), "labels": self.labels.clone()}

    def with_state(self, state: dict[str, Tensor]) -> "SmoothedLeastSquares":
        """Return a copy with these weights, features and labels.

        Raises:
            CapabilityError: the weights do not fit the extractor.
        """
        known, labels = (state[name].to(self.device) for name in ("known", "labels"))
        return replace(
            self, extractor=restored(self.extractor, part_of(state, "extractor")), known=known, labels=labels
        )

    def identity(self) -> dict[str, Any] | None:
        """Return digests of the weights and of the extractor, or None if the extractor has no identity."""
        known = self.extractor.identity() if isinstance(self.extractor, Identifiable) else None
        if known is None:
            return None
        return {"weights": weights_digest(self), "extractor": known, "l2": repr(self.l2), "noise": repr(self.noise)}

    def code(self) -> tuple[object, ...]:
        """Return the classes and functions that it uses."""
        return (type(self), *(self.extractor.code() if isinstance(self.extractor, Identifiable) else ()))


def unfitted(extractor: Classifier, *, l2: float, noise: float) -> SmoothedLeastSquares:
    """Return a classifier without training rows.

    >>> from antivenom.models import MLP
    >>> linear = MLP(hidden=()).build(input_shape=(3,), classes=2, bounds=None, rng=Rng(0))
    >>> unfitted(linear, l2=0.01, noise=0.1).scores(torch.ones(1, 3)).tolist()
    [[0.0, 0.0]]
    """
    width = extractor.features(torch.zeros(1, *extractor.input_shape, device=extractor.device)).shape[1]
    known = torch.empty(0, width, device=extractor.device)
    labels = torch.empty(0, dtype=torch.int64, device=extractor.device)
    return SmoothedLeastSquares(extractor=extractor, known=known, labels=labels, l2=l2, noise=noise)
