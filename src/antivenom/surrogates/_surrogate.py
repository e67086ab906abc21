"""The surrogate's protocol."""

from typing import Protocol, runtime_checkable

from antivenom.data import Dataset
from antivenom.models import Model
from antivenom.rng import Rng
from antivenom.training import Training


@runtime_checkable
class Surrogate(Protocol):
    """What an attacker knows of the victim: a component, such as `Trained`."""

    def recipe(self, model: Model, training: Training) -> tuple[Model, Training]:
        """The surrogate's architecture and training, where the victim's are these."""

    def known_rows(self, data: Dataset, rng: Rng) -> Dataset:
        """The rows of the clean training data that the surrogate is trained on."""
