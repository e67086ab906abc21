"""Classifiers with a scikit-learn estimator behind them."""

from antivenom.errors import CapabilityError
from antivenom.models.classifier import Classifier
from antivenom.models.estimator import EstimatorClassifier


def as_estimator(
    classifier: Classifier, *, by: str, advice: str = "Use end_to_end for a module."
) -> EstimatorClassifier:
    """The classifier itself, as one with a scikit-learn estimator behind it: for code that must use its own `fit`.

    Args:
        classifier: what is checked.
        by: who requires it, for the message.
        advice: what to do, in a sentence.

    Raises:
        CapabilityError: there is no scikit-learn estimator behind it.

    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> as_estimator(MLP().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)), by="own_fit")
    Traceback (most recent call last):
        ...
    antivenom.errors.CapabilityError: own_fit requires a scikit-learn estimator; got Sequential. ...
    """
    if not isinstance(classifier, EstimatorClassifier):
        raise CapabilityError(f"{by} requires a scikit-learn estimator; got {classifier.name}. {advice}")
    return classifier
