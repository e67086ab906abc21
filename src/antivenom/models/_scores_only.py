"""The base class of classifiers that have scores, but no gradients, features or updates."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NoReturn

import torch
from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.models.classifier import Classifier
from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores


class ScoresOnly(ABC):
    """A classifier made of others. Only its scores can be used."""

    @property
    @abstractmethod
    def source(self) -> Classifier:
        """The classifier that takes the rows."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name for messages."""

    @property
    @abstractmethod
    def classes(self) -> int:
        """The number of classes."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one row."""
        return self.source.input_shape

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the rows; None for any range."""
        return self.source.bounds

    @property
    def device(self) -> torch.device:
        """The device that it computes on."""
        return self.source.device

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The assumptions about the model."""
        return self.source.assumptions

    def logits(self, x: Inputs) -> Scores:  # noqa: ARG002
        """Raise CapabilityError: it has no gradients."""
        self._refuse("Logits require gradients")

    def features(self, x: Inputs, layer: str | None = None) -> Features:  # noqa: ARG002
        """Raise CapabilityError: it has no layers."""
        self._refuse("Features require layers")

    def layers(self) -> tuple[str, ...]:
        """Return an empty tuple: it has no layers."""
        return ()

    def learn(self, x: Inputs, y: Labels) -> float:  # noqa: ARG002
        """Raise CapabilityError: an update would end the guarantee."""
        self._refuse("Incremental learning requires updates of one network")

    def silence(self, layer: str, units: Tensor) -> Classifier:  # noqa: ARG002
        """Raise CapabilityError: it has no units."""
        self._refuse("Silencing requires units")

    def with_head(self, classes: int, rng: Rng) -> Classifier:  # noqa: ARG002
        """Raise CapabilityError: it has no last layer."""
        self._refuse("A new head requires a last layer")

    def _refuse(self, what: str) -> NoReturn:
        raise CapabilityError(f"{what}, which {self.name} does not have. Use a training that returns one network.")


def part_of(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the weights whose names begin with `name.`, without this beginning.

    >>> part_of({"0.bias": torch.zeros(1), "1.bias": torch.ones(1)}, "1")
    {'bias': tensor([1.])}
    """
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def named_part(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the weights with `name.` before their names.

    >>> named_part({"bias": torch.zeros(1)}, "1")
    {'1.bias': tensor([0.])}
    """
    return {f"{name}.{key}": value for key, value in state.items()}
