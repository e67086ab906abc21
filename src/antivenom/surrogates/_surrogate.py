"""The contract of surrogates."""

from typing import Protocol, runtime_checkable

from antivenom.data import Dataset
from antivenom.models import Model
from antivenom.rng import Rng
from antivenom.training import Training


@runtime_checkable
class Surrogate(Protocol):
    """A component that sets what an attacker knows about the victim, such as `Trained`."""

    def recipe(self, model: Model, training: Training) -> tuple[Model, Training]:
        """Return the architecture and training of the surrogate, from those of the victim."""

    def known_rows(self, data: Dataset, rng: Rng) -> Dataset:
        """Return the rows of the clean training data that the surrogate is trained on."""
