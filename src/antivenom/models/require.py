"""What a method requires of a classifier."""

from antivenom.errors import CapabilityError, SettingsError
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
