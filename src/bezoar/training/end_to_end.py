"""End-to-end training."""

from collections.abc import Sequence

from bezoar.data import Dataset
from bezoar.models import Classifier
from bezoar.rng import Rng
from bezoar.settings import component
from bezoar.training.loop import Recipe, Watch, train


@component
class EndToEnd(Recipe):
    """All weights, from the start, on the whole data in shuffled batches.

    >>> from bezoar.data.sources import load
    >>> from bezoar.models import MLP, predictions
    >>> digits = load("digits")
    >>> untrained = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> trained = EndToEnd(epochs=5).fit(untrained, digits.train, rng=Rng(0))
    >>> bool((predictions(trained, digits.test) == digits.test.y).float().mean() > 0.8)
    True
    """

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        watch: Sequence[Watch] = (),
    ) -> Classifier:
        """A new, trained classifier of the same architecture."""
        first = classifier.fresh(rng.child("weights")) if start is None else start
        return train(first, data, self, rng=rng.child("loop"), watch=watch)
