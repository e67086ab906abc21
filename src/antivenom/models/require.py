"""Asking a classifier for what a method requires."""

from antivenom.errors import CapabilityError
from antivenom.models.classifier import Classifier
from antivenom.models.module import ModuleClassifier


def as_module(classifier: Classifier, *, by: str) -> ModuleClassifier:
    """The classifier as one of an `nn.Module`."""
    if not isinstance(classifier, ModuleClassifier):
        name = type(classifier).__name__
        raise CapabilityError(f"{by} requires gradients, which {name} does not provide. Pass an nn.Module.")
    return classifier
