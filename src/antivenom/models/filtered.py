"""A classifier behind a gate, which rejects some inputs."""

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.models.classifier import Classifier
from antivenom.rng import Rng
from antivenom.settings.fits import NamesClasses, NamesColumns
from antivenom.shapes import Chosen, Features, Inputs, Labels, Scores


@runtime_checkable
class Gate(Protocol):
    """A check of each row before it is classified. It accepts or rejects the row."""

    def accepts(self, x: Inputs) -> Chosen:
        """Return True for each accepted row (n)."""


@dataclass(frozen=True, eq=False, repr=False)
class Filtered:
    """A classifier behind a gate. Rejected rows have scores of 0 and no prediction.

    Only `scores` uses the gate. Logits, features and learning are those of the classifier.

    Args:
        classifier: the classifier.
        gate: accepts or rejects each row.
    """

    classifier: Classifier
    gate: Gate

    @property
    def name(self) -> str:
        """The names of the classifier and of the gate."""
        return f"{self.classifier.name} behind {type(self.gate).__name__}"

    @property
    def classes(self) -> int:
        """The number of classes of the classifier."""
        return self.classifier.classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes that the classifier was fitted on; empty if it knows only class numbers."""
        return self.classifier.class_names if isinstance(self.classifier, NamesClasses) else ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns that the classifier was fitted on; empty if it does not know them."""
        return self.classifier.column_names if isinstance(self.classifier, NamesColumns) else ()

    @property
    def can(self) -> frozenset[str]:
        """The abilities of the classifier."""
        return self.classifier.can

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The input shape of the classifier."""
        return self.classifier.input_shape

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The input range of the classifier."""
        return self.classifier.bounds

    @property
    def device(self) -> torch.device:
        """The device of the classifier."""
        return self.classifier.device

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the classifier."""
        return self.classifier.assumptions

    def __repr__(self) -> str:
        return f"Filtered({self.classifier!r} behind {type(self.gate).__name__})"

    def to(self, device: torch.device | str) -> "Filtered":
        """Return a copy with the classifier on another device. The gate keeps its device and accepts rows of any."""
        return replace(self, classifier=self.classifier.to(device))

    def scores(self, x: Tensor) -> Scores:
        """Return class scores (n, classes) without gradient; zeros for rejected rows."""
        scores = self.classifier.scores(x)
        return torch.where(self.gate.accepts(x).to(scores.device)[:, None], scores, torch.zeros_like(scores))

    def logits(self, x: Inputs) -> Scores:
        """Return the logits of the classifier. They do not use the gate."""
        return self.classifier.logits(x)

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """Return the features of the classifier. They do not use the gate."""
        return self.classifier.features(x, layer)

    def layers(self) -> tuple[str, ...]:
        """Return the layers of the classifier."""
        return self.classifier.layers()

    def learn(self, x: Inputs, y: Labels) -> float:
        """Update the classifier on one batch. The gate does not change."""
        return self.classifier.learn(x, y)

    def state(self) -> dict[str, Tensor]:
        """Return the weights of the classifier. The gate is not saved."""
        return self.classifier.state()

    def fresh(self, rng: Rng) -> Classifier:
        """Return the classifier with new weights, without the gate."""
        return self.classifier.fresh(rng)

    def copy(self) -> "Filtered":
        """Return a copy of the classifier behind the same gate."""
        return replace(self, classifier=self.classifier.copy())

    def silence(self, layer: str, units: Tensor) -> "Filtered":
        """Return a copy with silenced units behind the same gate."""
        return replace(self, classifier=self.classifier.silence(layer, units))

    def with_head(self, classes: int, rng: Rng) -> Classifier:
        """Return the classifier with a new head, without the gate."""
        return self.classifier.with_head(classes, rng)

    def with_state(self, state: dict[str, Tensor]) -> "Filtered":
        """Return a copy with these weights behind the same gate."""
        return replace(self, classifier=self.classifier.with_state(state))
