"""Plain fine-tuning."""

from bezoar.data import Dataset
from bezoar.defences import Verdict
from bezoar.models import Classifier
from bezoar.repairs._repair import mendable
from bezoar.rng import Rng
from bezoar.settings import AtLeastOne, Positive, component
from bezoar.training.loop import Recipe, train


@component
class FineTuning:
    """Training on clean rows as they are: what every other repair has to beat.

    Args:
        epochs: passes over the rows.
        learning_rate: Adam's.
        batch_size: rows an update.

    Raises:
        CapabilityError: a classifier without gradients.
    """

    epochs: AtLeastOne = 5
    learning_rate: Positive = 1e-3
    batch_size: AtLeastOne = 32

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,  # noqa: ARG002
    ) -> Classifier:
        """A new classifier, trained on."""
        recipe = Recipe(epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate)
        return train(mendable(classifier, "FineTuning"), clean, recipe, rng=rng)
