"""scikit-learn's linear support vector machine by stochastic gradient descent."""

from sklearn.linear_model import SGDClassifier as Estimator

from antivenom.models.estimator import EstimatorModel, Seed
from antivenom.settings import AtLeastOne, NonNegative, component


@component
class SGDClassifier(EstimatorModel):
    """scikit-learn's `SGDClassifier` with its own loss, the hinge: a linear support vector machine.

    It has no probabilities: its decision is the sign of its decision function.

    Args:
        max_iter: epochs of its own `fit`, at most.
        alpha: the weight of the L2 penalty.
        random_state: scikit-learn's seed; the experiment's stream where left out.

    >>> from antivenom.rng import Rng
    >>> SGDClassifier().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).can
    frozenset({'incremental'})
    """

    max_iter: AtLeastOne = 1000
    alpha: NonNegative = 1e-4
    random_state: Seed = None

    def estimator(self, seed: int) -> Estimator:
        """The estimator, never fitted, with this `random_state`."""
        return Estimator(max_iter=self.max_iter, alpha=self.alpha, random_state=seed)
