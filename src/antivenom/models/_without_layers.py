"""The base class of classifiers that have scores and updates, but no layers and no gradients."""

from abc import ABC, abstractmethod
from typing import NoReturn

from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.rng import Rng
from antivenom.shapes import Inputs


class WithoutLayers(ABC):
    """A classifier such as a tree. What requires layers or gradients is refused."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name for messages."""

    def logits(self, x: Inputs) -> NoReturn:  # noqa: ARG002
        """Raise CapabilityError: an estimator has no gradients."""
        raise CapabilityError(f"Logits require gradients, which {self.name} does not provide. Pass an nn.Module.")

    def features(self, x: Inputs, layer: str | None = None) -> NoReturn:  # noqa: ARG002
        """Raise CapabilityError: an estimator has no layers."""
        raise CapabilityError(f"Features require layers, which {self.name} does not have. Pass an nn.Module.")

    def layers(self) -> tuple[str, ...]:
        """Return an empty tuple: an estimator has no layers."""
        return ()

    def silence(self, layer: str, units: Tensor) -> NoReturn:  # noqa: ARG002
        """Raise CapabilityError: an estimator has no units."""
        raise CapabilityError(f"Silencing requires units, which {self.name} does not have. Pass an nn.Module.")

    def with_head(self, classes: int, rng: Rng) -> NoReturn:  # noqa: ARG002
        """Raise CapabilityError: an estimator has no last layer."""
        raise CapabilityError(f"A new head requires a last layer, which {self.name} does not have. Pass an nn.Module.")
