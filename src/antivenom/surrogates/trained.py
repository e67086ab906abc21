"""A surrogate that is trained like the victim."""

from typing import Annotated

from annotated_types import Interval

from antivenom.data import Dataset
from antivenom.models import Model
from antivenom.rng import Rng
from antivenom.settings import Component, component
from antivenom.training import Training


@component
class Trained:
    """A model that is trained on clean data from another seed. The attacker knows the recipe but not the weights.

    Args:
        model: the architecture, or null for that of the victim.
        training: the training, or null for that of the victim.
        share: the share of the clean training data that the attacker has.

    >>> from antivenom.models import CNN, MLP
    >>> from antivenom.training import EndToEnd
    >>> Trained(model=MLP()).recipe(CNN(), EndToEnd())[0]
    MLP(hidden=(128,), activation='relu', kernel_init='glorot_uniform', bias_init='zeros')
    """

    model: Annotated[Model, Component("models")] | None = None
    training: Annotated[Training, Component("trainings")] | None = None
    share: Annotated[float, Interval(gt=0, le=1)] = 1.0

    def recipe(self, model: Model, training: Training) -> tuple[Model, Training]:
        """Return the architecture and training of the surrogate, from those of the victim."""
        return self.model or model, self.training or training

    def known_rows(self, data: Dataset, rng: Rng) -> Dataset:
        """Return the rows that the attacker has, drawn by id."""
        if self.share == 1:
            return data
        return data.subset(rng.order(data.ids)[: max(1, round(self.share * len(data)))])
