"""Fine-tuning."""

from collections.abc import Iterator

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.models import Classifier
from antivenom.models.torch_modules import as_module
from antivenom.repairs._classes import AllClasses
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component
from antivenom.training.last_batch import training_problems
from antivenom.training.loop import Recipe, train
from antivenom.trial import Trial


@component
class FineTuning(AllClasses):
    """Further training on clean rows: the baseline for all other repairs.

    Args:
        epochs: the number of passes over the rows.
        learning_rate: the learning rate of Adam.
        batch_size: the number of rows per update.

    Raises:
        CapabilityError: the classifier does not provide gradients.
    """

    needs = frozenset({"gradients"})
    trial = Trial(quick={"epochs": 1})

    epochs: AtLeastOne = 5
    learning_rate: Positive = 1e-3
    batch_size: AtLeastOne = 32

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        yield from training_problems(classifier, self.batch_size)

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,  # noqa: ARG002
    ) -> Classifier:
        """Return a new classifier that is trained further."""
        recipe = Recipe(epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate)
        tuned = train(as_module(classifier, by="FineTuning"), clean, recipe, rng=rng, by=type(self).__name__)
        return self._saying(tuned, clean)
