"""Check that a classifier has the abilities that a method requires."""

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models._probed_module import RESTORE_GRADIENTS, ProbedModule
from antivenom.models.classifier import Classifier
from antivenom.registry import did_you_mean

ADVICE = {
    "gradients": "Pass an nn.Module.",
    "features": "Pass an nn.Module.",
    "incremental": "Pass an nn.Module, or a scikit-learn estimator with partial_fit.",
    "probabilities": "Pass an nn.Module, or a scikit-learn estimator with predict_proba.",
}
"""The abilities of `Classifier.can`, with advice for classifiers without them."""

PHRASE = {"incremental": "incremental learning"}


def require(classifier: Classifier, *abilities: str, by: str, advice: str = "") -> None:
    """Check that a classifier has the abilities that a method requires.

    Args:
        classifier: the classifier to check.
        abilities: the required abilities, as in `Classifier.can`.
        by: the name of the component or function that requires them, for the message.
        advice: a sentence that tells the user what to do; the usual advice if omitted.

    Raises:
        CapabilityError: the classifier lacks an ability.
        SettingsError: an ability is unknown.

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
            raise SettingsError([f"Unknown ability '{ability}'.{hint} Use any of: {', '.join(ADVICE)}."])
        if ability not in classifier.can:
            what = PHRASE.get(ability, ability)
            lacks = f"{by} requires {what}, which {classifier.name} does not provide."
            raise CapabilityError(f"{lacks} {advice_without(ability, classifier, advice)}")


def advice_without(ability: str, classifier: Classifier, advice: str = "") -> str:
    """Return what the user can do about a classifier without an ability.

    Args:
        ability: the ability.
        classifier: the classifier.
        advice: the advice for a classifier that is not an `nn.Module`; the usual one if omitted.
    """
    if ability == "gradients" and isinstance(classifier, ProbedModule):
        return RESTORE_GRADIENTS
    return advice or ADVICE[ability]
