"""scikit-learn's logistic regression by stochastic gradient descent."""

from sklearn.linear_model import SGDClassifier as Estimator

from antivenom.models.estimator import EstimatorClassifier, Seed, seeded
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, NonNegative, component


@component
class LogisticRegression:
    """Logistic regression that can go on learning: scikit-learn's `SGDClassifier` with the loss `log_loss`.

    scikit-learn's own `LogisticRegression` has no `partial_fit`.

    Args:
        max_iter: epochs of its own `fit`, at most.
        alpha: the weight of the L2 penalty.
        random_state: scikit-learn's seed; the experiment's stream where left out.

    >>> sorted(LogisticRegression().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).can)
    ['incremental', 'probabilities']
    """

    max_iter: AtLeastOne = 1000
    alpha: NonNegative = 1e-4
    random_state: Seed = None

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> EstimatorClassifier:
        """An estimator that was never fitted, for rows of `input_shape`."""
        return seeded(
            lambda seed: Estimator(loss="log_loss", max_iter=self.max_iter, alpha=self.alpha, random_state=seed),
            self.random_state,
            rng,
            input_shape=input_shape,
            classes=classes,
            bounds=bounds,
        )
