"""The protocols of classifiers and of architectures."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores


@runtime_checkable
class Classifier(Protocol):
    """A trained or untrained classifier: everything that antivenom requires of a model.

    `can` lists the abilities, a subset of {"gradients", "features", "incremental", "probabilities"}. Without an
    ability, the methods that require it raise `CapabilityError`.
    """

    @property
    def name(self) -> str:
        """The name for messages."""

    @property
    def classes(self) -> int:
        """The number of classes."""

    @property
    def can(self) -> frozenset[str]:
        """The abilities. `antivenom.models.require` checks them."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input row."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the input rows; None for any range."""

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the model, as sentences. A report shows them."""

    def to(self, device: torch.device | str) -> "Classifier":
        """Return a copy on another device; on the same device if the model supports only one."""

    def fresh(self, rng: Rng) -> "Classifier":
        """Return the same architecture with new weights. This classifier does not change."""

    def copy(self) -> "Classifier":
        """Return a copy that shares nothing with this classifier."""

    def scores(self, x: Inputs) -> Scores:
        """Return class scores (n, classes) without gradient: probabilities that sum to 1 if `can` has this ability."""

    def logits(self, x: Inputs) -> Scores:
        """Return logits (n, classes) of one batch, differentiable in `x` and in the weights."""

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """Return the flattened outputs (n, d) of a layer; by default the inputs of the last linear layer."""

    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers that `features` accepts, from input to output."""

    def learn(self, x: Inputs, y: Labels) -> float:
        """Update on one batch with the current optimizer state; return the loss before it."""

    def silence(self, layer: str, units: Tensor) -> "Classifier":
        """Return a copy in which these units (channels) of a layer always output 0."""

    def with_head(self, classes: int, rng: Rng) -> "Classifier":
        """Return a copy with a new last layer for this number of classes."""

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the weights by name."""

    def with_state(self, state: dict[str, Tensor]) -> "Classifier":
        """Return a copy with these weights."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A classifier at one moment of its training.

    Attributes:
        rows: the number of rows that it had learned from; a repeated row counts each time.
        classifier: the classifier at that moment.
    """

    rows: int
    classifier: Classifier


@runtime_checkable
class WeightedModel(Protocol):
    """An architecture that can start with weights from a file, such as `Module`."""

    @property
    def weights(self) -> str | None:
        """The file of the first weights; None if it starts with new weights."""


@runtime_checkable
class Model(Protocol):
    """An architecture: a component, such as `CNN`."""

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> Classifier:
        """Return an untrained classifier for rows of `input_shape`."""
