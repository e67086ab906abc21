"""What a method requires of a classifier."""

from typing import TypeGuard

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models._module_classifier import ModuleClassifier
from antivenom.models.classifier import Classifier
from antivenom.registry import did_you_mean

ADVICE = {
    "gradients": "Pass an nn.Module.",
    "features": "Pass an nn.Module.",
    "incremental": "Pass an nn.Module, or a scikit-learn estimator with partial_fit.",
    "probabilities": "Pass an nn.Module, or a scikit-learn estimator with predict_proba.",
}
"""The words of `Classifier.can`, each with what to do where a classifier lacks it."""

PHRASE = {"incremental": "incremental learning"}


def require(classifier: Classifier, *abilities: str, by: str, advice: str = "") -> None:
    """Check that a classifier can do what a method needs.

    Args:
        classifier: what is checked.
        abilities: what it must be able to do, in the words of `Classifier.can`.
        by: who requires it, for the message: a component's or function's name.
        advice: what to do, in a sentence; the usual advice where left out.

    Raises:
        CapabilityError: it cannot do one of them.
        SettingsError: there is no such ability.

    >>> from sklearn.linear_model import SGDClassifier
    >>> from antivenom.models import as_classifier
    >>> require(as_classifier(SGDClassifier(), input_shape=(4,), classes=2), "gradients", by="NeuralCleanse")
    Traceback (most recent call last):
        ...
    antivenom.errors.CapabilityError: NeuralCleanse requires gradients, which SGDClassifier does not provide. ...
    """
    for ability in abilities:
        if ability not in ADVICE:
            hint = did_you_mean(ability, ADVICE)
            raise SettingsError([f"There is no ability '{ability}'.{hint} There are: {', '.join(ADVICE)}."])
        if ability not in classifier.can:
            what = PHRASE.get(ability, ability)
            lacks = f"{by} requires {what}, which {classifier.name} does not provide."
            raise CapabilityError(f"{lacks} {advice or ADVICE[ability]}")


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
