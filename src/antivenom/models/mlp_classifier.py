"""The multilayer perceptron of scikit-learn."""

from sklearn.neural_network import MLPClassifier as Estimator

from antivenom.models.estimator import EstimatorModel, Seed
from antivenom.settings import AtLeastOne, Positive, component


@component
class MLPClassifier(EstimatorModel):
    """scikit-learn's `MLPClassifier`. `partial_fit` is one step of Adam. Other settings have scikit-learn's defaults.

    Args:
        hidden: the number of units of each hidden layer.
        max_iter: the largest number of epochs of its own `fit`.
        learning_rate: the learning rate of Adam.
        random_state: the seed of scikit-learn; from the experiment's stream if omitted.

    >>> from antivenom.rng import Rng
    >>> MLPClassifier().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).classes
    2
    """

    hidden: tuple[AtLeastOne, ...] = (100,)
    max_iter: AtLeastOne = 600
    learning_rate: Positive = 1e-3
    random_state: Seed = None

    def estimator(self, seed: int) -> Estimator:
        """Return an unfitted estimator with this `random_state`."""
        return Estimator(self.hidden, max_iter=self.max_iter, learning_rate_init=self.learning_rate, random_state=seed)
