"""A classifier that does not answer everything."""

from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.models.classifier import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Features, Inputs, Labels, Scores


@runtime_checkable
class Filter(Protocol):
    """What looks at a row before it is classified."""

    def accepts(self, x: Inputs) -> Chosen:
        """Which rows may be answered (n)."""


@dataclass(eq=False)
class Filtered:
    """A classifier behind a filter: for rows that it does not accept, all scores are 0, and nothing is predicted.

    Only `scores` asks the filter; logits, features and learning are the classifier's own.

    Attributes:
        classifier: what answers.
        filter: what decides whether it does.
    """

    classifier: Classifier
    filter: Filter

    classes: int = field(init=False)
    can: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.classes, self.can = self.classifier.classes, self.classifier.can

    def scores(self, x: Inputs) -> Scores:
        """Class scores (n, classes), without gradient; zeros where the filter does not accept the row."""
        scores = self.classifier.scores(x)
        return torch.where(self.filter.accepts(x).to(scores.device)[:, None], scores, torch.zeros_like(scores))

    def logits(self, x: Inputs) -> Scores:
        """The classifier's."""
        return self.classifier.logits(x)

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """The classifier's."""
        return self.classifier.features(x, layer)

    def layers(self) -> tuple[str, ...]:
        """The classifier's."""
        return self.classifier.layers()

    def learn(self, x: Inputs, y: Labels) -> float:
        """One update of the classifier; the filter stays as it is."""
        return self.classifier.learn(x, y)

    def state(self) -> dict[str, Tensor]:
        """The classifier's; a filter is not written to files."""
        return self.classifier.state()

    def fresh(self, rng: Rng) -> Classifier:
        """The classifier with new weights, behind no filter."""
        return self.classifier.fresh(rng)

    def copy(self) -> "Filtered":
        """A copy of the classifier, behind the same filter."""
        return replace(self, classifier=self.classifier.copy())

    def silence(self, layer: str, units: Tensor) -> "Filtered":
        """The same with silenced units, behind the same filter."""
        return replace(self, classifier=self.classifier.silence(layer, units))

    def with_head(self, classes: int, rng: Rng) -> Classifier:
        """The classifier with a new head, behind no filter."""
        return self.classifier.with_head(classes, rng)

    def with_state(self, state: dict[str, Tensor]) -> "Filtered":
        """The same with other weights, behind the same filter."""
        return replace(self, classifier=self.classifier.with_state(state))
