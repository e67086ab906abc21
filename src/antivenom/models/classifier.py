"""What antivenom asks of a model: the protocols of classifiers and of architectures."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores


@runtime_checkable
class Classifier(Protocol):
    """A trained or untrained classifier: everything that antivenom asks of a model.

    `can` says which of the methods work, of {"gradients", "features", "incremental", "probabilities"}.
    """

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def classes(self) -> int:
        """How many classes it knows."""

    @property
    def can(self) -> frozenset[str]:
        """Its abilities; `antivenom.models.require` checks them."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one row that it takes."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the rows that it takes; None where there is none."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is assumed about the model, in sentences; a report repeats them."""

    def to(self, device: torch.device | str) -> "Classifier":
        """A copy that computes on another device; a copy where it is, if it knows one device only."""

    def fresh(self, rng: Rng) -> "Classifier":
        """The same architecture with new weights; this one is untouched."""

    def copy(self) -> "Classifier":
        """The same classifier again, sharing nothing."""

    def scores(self, x: Inputs) -> Scores:
        """Class scores (n, classes) of any number of rows, without gradient; probabilities where it `can`."""

    def logits(self, x: Inputs) -> Scores:
        """Logits (n, classes) of one batch, differentiable in `x` and in the weights."""

    def features(self, x: Inputs, layer: str | None = None) -> Features:
        """What a layer makes of rows (n, d); by default what feeds the last linear layer."""

    def layers(self) -> tuple[str, ...]:
        """The names that `features` knows, from input to output."""

    def learn(self, x: Inputs, y: Labels) -> float:
        """One update on one batch, continuing the optimizer's state; the loss before it."""

    def silence(self, layer: str, units: Tensor) -> "Classifier":
        """A copy in which these units (channels) of a layer always give 0."""

    def with_head(self, classes: int, rng: Rng) -> "Classifier":
        """A copy with a new last layer for so many classes."""

    def state(self) -> dict[str, Tensor]:
        """A copy of the weights by name."""

    def with_state(self, state: dict[str, Tensor]) -> "Classifier":
        """A copy with these weights."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A classifier as it stood on its way.

    Attributes:
        rows: how many rows it had learned from, each as often as it came.
        classifier: as it stood then.
    """

    rows: int
    classifier: Classifier


@runtime_checkable
class WeightedModel(Protocol):
    """An architecture that may start with weights of its own, such as `Module`."""

    @property
    def weights(self) -> str | None:
        """The file of weights that it starts with; None where it starts with new ones."""


@runtime_checkable
class Model(Protocol):
    """An architecture: a component, such as `CNN`."""

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> Classifier:
        """An untrained classifier for rows of `input_shape`."""
