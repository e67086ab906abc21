"""A scikit-learn estimator as a model."""

from sklearn.naive_bayes import GaussianNB

from antivenom import Classifier, Rng, as_classifier
from antivenom.settings import Positive, component
from antivenom.trial import Trial


@component
class NaiveBayes:
    """Gaussian naive Bayes.

    Args:
        smoothing: the share of the largest variance that is added to all variances.
    """

    trial = Trial(
        waive=dict.fromkeys(
            ("model_builds_from_its_stream", "classifier_draws_new_weights"),
            "Gaussian naive Bayes uses no random numbers: every stream gives the same estimator",
        ),
    )

    smoothing: Positive = 1e-3

    def build(
        self,
        *,
        input_shape: tuple[int, ...],
        classes: int,
        bounds: tuple[float, float] | None,
        rng: Rng,
    ) -> Classifier:
        """Return an estimator that is not fitted yet."""
        estimator = GaussianNB(var_smoothing=self.smoothing)
        return as_classifier(estimator, input_shape=input_shape, classes=classes, bounds=bounds)
