"""A linear support vector machine, trained by stochastic gradient descent."""

from sklearn.linear_model import SGDClassifier as Estimator

from antivenom.models.estimator import EstimatorModel, Seed
from antivenom.settings import AtLeastOne, NonNegative, component


@component
class SGDClassifier(EstimatorModel):
    """scikit-learn's `SGDClassifier` with the hinge loss: a linear support vector machine.

    It has no probabilities. Its scores are the values of the decision function.

    Args:
        max_iter: the largest number of epochs of its own `fit`.
        alpha: the weight of the L2 penalty.
        random_state: the seed of scikit-learn; from the experiment's stream if omitted.

    >>> from antivenom.rng import Rng
    >>> SGDClassifier().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).can
    frozenset({'incremental'})
    """

    max_iter: AtLeastOne = 1000
    alpha: NonNegative = 1e-4
    random_state: Seed = None

    def estimator(self, seed: int) -> Estimator:
        """Return an unfitted estimator with this `random_state`."""
        return Estimator(max_iter=self.max_iter, alpha=self.alpha, random_state=seed)
