"""A classifier behind a gate: it does not answer everything."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.models.classifier import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Chosen, Features, Inputs, Labels, Scores


@runtime_checkable
class Gate(Protocol):
    """What looks at a row before it is classified, and lets it pass or not."""

    def accepts(self, x: Inputs) -> Chosen:
        """Which rows may be answered (n)."""


@dataclass(frozen=True, eq=False, repr=False)
class Filtered:
    """A classifier behind a gate: for rows that the gate does not accept, all scores are 0, and nothing is predicted.

    Only `scores` asks the gate; logits, features and learning are the classifier's own.

    Args:
        classifier: what answers.
        gate: what decides whether it does.
    """

    classifier: Classifier
    gate: Gate

    @property
    def name(self) -> str:
        """The classifier's, and that it is behind a gate."""
        return f"{self.classifier.name} behind {type(self.gate).__name__}"

    @property
    def classes(self) -> int:
        """The classifier's."""
        return self.classifier.classes

    @property
    def can(self) -> frozenset[str]:
        """The classifier's."""
        return self.classifier.can

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The classifier's."""
        return self.classifier.input_shape

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The classifier's."""
        return self.classifier.bounds

    @property
    def device(self) -> torch.device:
        """The classifier's."""
        return self.classifier.device

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The classifier's."""
        return self.classifier.assumptions

    def __repr__(self) -> str:
        return f"Filtered({self.classifier!r} behind {type(self.gate).__name__})"

    def to(self, device: torch.device | str) -> "Filtered":
        """The classifier on another device; the gate stays where it is, and takes rows from anywhere."""
        return replace(self, classifier=self.classifier.to(device))

    def scores(self, x: Inputs) -> Scores:
        """Class scores (n, classes), without gradient; zeros where the gate does not accept the row."""
        scores = self.classifier.scores(x)
        return torch.where(self.gate.accepts(x).to(scores.device)[:, None], scores, torch.zeros_like(scores))

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
        """One update of the classifier; the gate stays as it is."""
        return self.classifier.learn(x, y)

    def state(self) -> dict[str, Tensor]:
        """The classifier's; a gate is not written to files."""
        return self.classifier.state()

    def fresh(self, rng: Rng) -> Classifier:
        """The classifier with new weights, without the gate."""
        return self.classifier.fresh(rng)

    def copy(self) -> "Filtered":
        """A copy of the classifier, behind the same gate."""
        return replace(self, classifier=self.classifier.copy())

    def silence(self, layer: str, units: Tensor) -> "Filtered":
        """The same with silenced units, behind the same gate."""
        return replace(self, classifier=self.classifier.silence(layer, units))

    def with_head(self, classes: int, rng: Rng) -> Classifier:
        """The classifier with a new head, without the gate."""
        return self.classifier.with_head(classes, rng)

    def with_state(self, state: dict[str, Tensor]) -> "Filtered":
        """The same with other weights, behind the same gate."""
        return replace(self, classifier=self.classifier.with_state(state))
