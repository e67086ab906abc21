"""A surrogate that is trained as the victim is."""

from typing import Annotated

from annotated_types import Interval

from bezoar.data import Dataset
from bezoar.models import Model
from bezoar.rng import Rng
from bezoar.settings import Component, component
from bezoar.training import Training


@component
class Trained:
    """A model trained on clean data, from a seed of its own: the attacker knows how, but not which weights came out.

    Args:
        model: its architecture; null for the victim's own.
        training: how it is trained; null for the victim's own.
        share: the share of the clean training data that the attacker has.

    >>> from bezoar.models import CNN, MLP
    >>> from bezoar.training import EndToEnd
    >>> Trained(model=MLP()).recipe(CNN(), EndToEnd())[0]
    MLP(hidden=(128,), activation='relu', kernel_init='glorot_uniform', bias_init='zeros')
    """

    model: Annotated[Model, Component("models")] | None = None
    training: Annotated[Training, Component("trainings")] | None = None
    share: Annotated[float, Interval(gt=0, le=1)] = 1.0

    def recipe(self, model: Model, training: Training) -> tuple[Model, Training]:
        """The surrogate's architecture and training, where the victim's are these."""
        return self.model or model, self.training or training

    def knows(self, data: Dataset, rng: Rng) -> Dataset:
        """The rows that the attacker has, drawn by id."""
        if self.share == 1:
            return data
        return data.subset(rng.order(data.ids)[: max(1, round(self.share * len(data)))])
