"""The kind of an estimator: a classifier of scikit-learn with scores, or what it lacks."""

from typing import Any

from sklearn.base import is_classifier

from antivenom.errors import SettingsError

KIND = (
    "A scikit-learn classifier has the base classes ClassifierMixin and BaseEstimator, in this order, a method "
    "predict_proba or decision_function, and classes_ after its fit."
)
"""What makes an object a classifier."""

SCORES = ("predict_proba", "decision_function")
"""The methods that give scores, the better one first."""


def check_kind(estimator: Any) -> None:
    """Raise SettingsError if an estimator is not a classifier, has no scores, or was fitted without `classes_`."""
    name = type(estimator).__name__
    if not is_classifier(estimator):
        raise SettingsError([f"A model must be a scikit-learn classifier; got {name}. {KIND}"])
    if problem := missing_scores(estimator) or missing_classes(estimator):
        raise SettingsError([problem])


def missing_scores(estimator: Any) -> str:
    """Return the message about an estimator without scores; "" if it has scores, or may have them after its fit."""
    fitted = hasattr(estimator, "classes_")
    of_its_class = not fitted and any(hasattr(type(estimator), each) for each in SCORES)
    name, wanted = type(estimator).__name__, "predict_proba or decision_function"
    if estimator.get_params(deep=False).get("voting") == "hard":
        return f"{name} has no {wanted}, because of voting='hard'. Set voting='soft'."
    if any(hasattr(estimator, each) for each in SCORES) or of_its_class:
        return ""
    return (
        f"{name} has no {wanted}, and antivenom requires scores. Add a method predict_proba(X) that returns the "
        "probability of each class (n, classes), in the order of classes_."
    )


def missing_classes(estimator: Any) -> str:
    """Return the message about an estimator that was fitted, but does not know its classes; "" for others."""
    learned = [name for name in vars(estimator) if name.endswith("_") and not name.endswith("__")]
    if not learned or hasattr(estimator, "classes_"):
        return ""
    return (
        f"{type(estimator).__name__} was fitted (it has {learned[0]}), but has no classes_. Set it in its fit: "
        "self.classes_ = np.unique(y)."
    )
