"""Access to the scikit-learn estimator of a classifier."""

from antivenom.errors import CapabilityError
from antivenom.models._estimator_classifier import EstimatorClassifier
from antivenom.models.classifier import Classifier


def as_estimator(
    classifier: Classifier, *, by: str, advice: str = "Use end_to_end for a module."
) -> EstimatorClassifier:
    """Return the classifier itself if it wraps a scikit-learn estimator: for code that uses the estimator's `fit`.

    Args:
        classifier: the classifier to check.
        by: the name of the component that requires it, for the message.
        advice: a sentence that tells the user what to do.

    Raises:
        CapabilityError: the classifier does not wrap a scikit-learn estimator.

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
