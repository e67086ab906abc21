"""scikit-learn's multilayer perceptron."""

from sklearn.neural_network import MLPClassifier as Estimator

from antivenom.models.estimator import EstimatorClassifier, Seed, seeded
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Positive, component


@component
class MLPClassifier:
    """scikit-learn's `MLPClassifier`, with its defaults for what is not said here; `partial_fit` is one step of Adam.

    Args:
        hidden: the width of each hidden layer.
        max_iter: epochs of its own `fit`, at most.
        learning_rate: Adam's.
        random_state: scikit-learn's seed; the experiment's stream where left out.

    >>> MLPClassifier().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).classes
    2
    """

    hidden: tuple[AtLeastOne, ...] = (100,)
    max_iter: AtLeastOne = 600
    learning_rate: Positive = 1e-3
    random_state: Seed = None

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> EstimatorClassifier:
        """An estimator that was never fitted, for rows of `input_shape`."""
        width, rate = self.hidden, self.learning_rate
        return seeded(
            lambda seed: Estimator(width, max_iter=self.max_iter, learning_rate_init=rate, random_state=seed),
            self.random_state,
            rng,
            input_shape=input_shape,
            classes=classes,
            bounds=bounds,
        )
