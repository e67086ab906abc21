"""Asking a classifier for what a method requires."""

from antivenom.errors import CapabilityError
from antivenom.models.classifier import Classifier
from antivenom.models.module import ModuleClassifier

ADVICE = {
    "gradients": "Pass an nn.Module.",
    "features": "Pass an nn.Module with named layers.",
    "incremental": "Pass an nn.Module, or a scikit-learn estimator that has partial_fit.",
    "probabilities": "Pass a classifier that gives probabilities.",
}


def require(classifier: Classifier, need: str, *, by: str) -> None:
    """Refuse a classifier that does not provide what a method requires.

    Args:
        classifier: the classifier.
        need: one of the needs of a classifier in `antivenom.settings.NEEDS`.
        by: who requires it, such as `NeuralCleanse`.

    Raises:
        CapabilityError: the classifier does not provide it.
    """
    if need not in classifier.can:
        name = type(classifier).__name__
        raise CapabilityError(f"{by} requires {need}, which {name} does not provide. {ADVICE[need]}")


def as_module(classifier: Classifier, *, by: str) -> ModuleClassifier:
    """The classifier as one of an `nn.Module`."""
    require(classifier, "gradients", by=by)
    if not isinstance(classifier, ModuleClassifier):
        raise CapabilityError(f"{by} requires an nn.Module; got {type(classifier).__name__}.")
    return classifier
