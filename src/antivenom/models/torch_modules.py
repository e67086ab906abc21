"""Access to the `nn.Module` of a classifier."""

from typing import TypeGuard

from antivenom.errors import CapabilityError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier
from antivenom.models.require import require


def is_module(classifier: object) -> TypeGuard[ModuleClassifier]:
    """True if a classifier wraps an `nn.Module`, so that its `module` can be used.

    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> is_module(MLP().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)))
    True
    """
    return isinstance(classifier, ModuleClassifier)


def as_module(classifier: Classifier, *abilities: str, by: str, advice: str = "") -> ModuleClassifier:
    """Return the classifier itself if it wraps an `nn.Module`: for code that uses its `module`.

    Args:
        classifier: the classifier to check.
        abilities: the required abilities; gradients if omitted.
        by: the name of the component that requires it, for the message.
        advice: a sentence that tells the user what to do; the usual advice if omitted.

    Raises:
        CapabilityError: the classifier lacks an ability, or does not wrap an `nn.Module`.
    """
    require(classifier, *(abilities or ("gradients",)), by=by, advice=advice)
    if not is_module(classifier):
        raise CapabilityError(f"{by} requires an nn.Module, which {classifier.name} is not. Pass an nn.Module.")
    return classifier


def as_trainable(classifier: Classifier, *, by: str, advice: str = "") -> ModuleClassifier:
    """Return the classifier itself if it wraps an `nn.Module`, also if the rows of the module get no gradient.

    Args:
        classifier: the classifier to check.
        by: the name of the training, for the message.
        advice: a sentence that tells the user what to do; the usual advice if omitted.

    Raises:
        CapabilityError: the classifier does not wrap an `nn.Module`.
    """
    return classifier if is_module(classifier) else as_module(classifier, by=by, advice=advice)
