"""End-to-end training."""

from collections.abc import Sequence

from antivenom.data import Dataset
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.training.contracts import Callback
from antivenom.training.loop import Recipe, train
from antivenom.trial import Trial


@component
class EndToEnd(Recipe):
    """Train all weights on all of the data, in shuffled batches.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP, predictions
    >>> digits = load("digits")
    >>> untrained = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> trained = EndToEnd(epochs=5).fit(untrained, digits.train, rng=Rng(0))
    >>> bool((predictions(trained, digits.test) == digits.test.y).float().mean() > 0.8)
    True
    """

    trial = Trial(
        settings={"epochs": 8, "learning_rate": 0.005, "batch_size": 32},
        quick={"epochs": 2, "batch_size": 64},
    )

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier:
        """Return a new, trained classifier of the same architecture."""
        first = classifier.fresh(rng.child("weights")) if start is None else start
        return train(first, data, self, rng=rng.child("loop"), callbacks=callbacks)
