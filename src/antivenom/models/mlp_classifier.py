"""scikit-learn's multilayer perceptron."""

from sklearn.neural_network import MLPClassifier as Estimator

from antivenom.models.estimator import EstimatorModel, Seed
from antivenom.settings import AtLeastOne, Positive, component


@component
class MLPClassifier(EstimatorModel):
    """scikit-learn's `MLPClassifier`, with its defaults for what is not said here; `partial_fit` is one step of Adam.

    Args:
        hidden: the width of each hidden layer.
        max_iter: epochs of its own `fit`, at most.
        learning_rate: Adam's.
        random_state: scikit-learn's seed; the experiment's stream where left out.

    >>> from antivenom.rng import Rng
    >>> MLPClassifier().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).classes
    2
    """

    hidden: tuple[AtLeastOne, ...] = (100,)
    max_iter: AtLeastOne = 600
    learning_rate: Positive = 1e-3
    random_state: Seed = None

    def estimator(self, seed: int) -> Estimator:
        """The estimator, never fitted, with this `random_state`."""
        return Estimator(self.hidden, max_iter=self.max_iter, learning_rate_init=self.learning_rate, random_state=seed)
