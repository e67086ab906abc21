"""Logistic regression, trained by stochastic gradient descent."""

from sklearn.linear_model import SGDClassifier as Estimator

from antivenom.models.estimator import EstimatorModel, Seed
from antivenom.settings import AtLeastOne, NonNegative, component


@component
class LogisticRegression(EstimatorModel):
    """Logistic regression that learns incrementally: scikit-learn's `SGDClassifier` with the loss `log_loss`.

    scikit-learn's `LogisticRegression` has no `partial_fit`.

    Args:
        max_iter: the largest number of epochs of its own `fit`.
        alpha: the weight of the L2 penalty.
        random_state: the seed of scikit-learn; from the experiment's stream if omitted.

    >>> from antivenom.rng import Rng
    >>> sorted(LogisticRegression().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).can)
    ['incremental', 'probabilities']
    """

    max_iter: AtLeastOne = 1000
    alpha: NonNegative = 1e-4
    random_state: Seed = None

    def estimator(self, seed: int) -> Estimator:
        """Return an unfitted estimator with this `random_state`."""
        return Estimator(loss="log_loss", max_iter=self.max_iter, alpha=self.alpha, random_state=seed)
