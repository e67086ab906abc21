"""The surrogate's protocol."""

from typing import Protocol, runtime_checkable

from bezoar.data import Dataset
from bezoar.models import Model
from bezoar.rng import Rng
from bezoar.training import Training


@runtime_checkable
class Surrogate(Protocol):
    """What an attacker knows of the victim: a component, such as `Trained`."""

    def recipe(self, model: Model, training: Training) -> tuple[Model, Training]:
        """The surrogate's architecture and training, where the victim's are these."""

    def knows(self, data: Dataset, rng: Rng) -> Dataset:
        """The rows of the clean training data that the surrogate is trained on."""
