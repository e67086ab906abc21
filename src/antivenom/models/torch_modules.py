"""Classifiers with an `nn.Module` behind them."""

from typing import TypeGuard

from antivenom.errors import CapabilityError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier
from antivenom.models.require import require


def is_module(classifier: object) -> TypeGuard[ModuleClassifier]:
    """Whether there is an `nn.Module` behind a classifier, so that its `module` may be used.

    >>> from antivenom.models import MLP
    >>> from antivenom.rng import Rng
    >>> is_module(MLP().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)))
    True
    """
    return isinstance(classifier, ModuleClassifier)


def as_module(classifier: Classifier, *abilities: str, by: str, advice: str = "") -> ModuleClassifier:
    """The classifier itself, as one with an `nn.Module` behind it: for code that must use its `module`.

    Args:
        classifier: what is checked.
        abilities: what it must be able to do; gradients where none is named.
        by: who requires it, for the message.
        advice: what to do, in a sentence; the usual advice where left out.

    Raises:
        CapabilityError: it cannot do that, or there is no `nn.Module` behind it.
    """
    require(classifier, *(abilities or ("gradients",)), by=by, advice=advice)
    if not is_module(classifier):
        raise CapabilityError(f"{by} requires an nn.Module, which {classifier.name} is not. Pass an nn.Module.")
    return classifier
