"""The classes of scikit-learn that a spec can name, and the check of their settings."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Annotated, Any

import annotated_types
import sklearn

from antivenom.private.constraints import Interval, StrOptions
from antivenom.registry import did_you_mean
from antivenom.settings import short
from antivenom.settings.wording import phrase_of

CLASSES = {
    "DecisionTreeClassifier": "sklearn.tree",
    "ExtraTreesClassifier": "sklearn.ensemble",
    "GaussianNB": "sklearn.naive_bayes",
    "GradientBoostingClassifier": "sklearn.ensemble",
    "HistGradientBoostingClassifier": "sklearn.ensemble",
    "KNeighborsClassifier": "sklearn.neighbors",
    "LinearSVC": "sklearn.svm",
    "LogisticRegression": "sklearn.linear_model",
    "MLPClassifier": "sklearn.neural_network",
    "RandomForestClassifier": "sklearn.ensemble",
    "RidgeClassifier": "sklearn.linear_model",
    "SGDClassifier": "sklearn.linear_model",
    "SVC": "sklearn.svm",
}
"""The allowed classes, and the modules that define them."""

REFUSED = {
    "average": "a saved model does not contain the averages of the weights",
    "break_ties": "predictions are always the class with the highest score",
    "decision_function_shape": "the scores must be one for each class",
    "n_jobs": "antivenom sets the number of threads",
    "oob_score": "antivenom measures on test rows",
    "probability": "set `calibrated: true` beside settings for probabilities",
    "random_state": "the seed of the experiment sets it. For a fixed seed, set random_state beside settings",
    "scoring": "it names a function, and the early stop uses the loss",
    "verbose": "antivenom shows the progress of a training",
    "warm_start": "victim and control must start from new estimators",
}
"""Settings of scikit-learn that a spec cannot set, each with the reason."""

DEPRECATED = ("deprecated", "warn")
"""Defaults by which scikit-learn marks a setting that it will remove."""

UNSUPPORTED = {"mahalanobis", "precomputed", "pyfunc", "seuclidean"}
"""Kernels and metrics that require more than rows: a function, a matrix, or similarities of rows."""

Rule = tuple[str, Callable[[Any], bool]]
"""Allowed values in words, and a function that returns True for them."""


def class_of(name: str) -> Any:
    """Import and return the class of scikit-learn with this name, a key of `CLASSES`."""
    return getattr(import_module(CLASSES[name]), name)


def settings_problems(cls: Any, settings: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield a sentence for each setting that the class does not have, or does not allow.

    Args:
        cls: a class of scikit-learn.
        settings: its settings, with lists as tuples.
        where: the place of the settings for messages, such as `Estimator.settings`.

    >>> list(settings_problems(class_of("GaussianNB"), {"var_smoothing": -1}, "settings"))
    ['settings.var_smoothing must be a number at least 0; got -1.']
    """
    defaults: dict[str, Any] = cls().get_params(deep=False)
    open_settings = [name for name in defaults if name not in REFUSED and defaults[name] not in DEPRECATED]
    for name, value in settings.items():
        place = f"{where}.{name}"
        if name not in defaults:
            hint = did_you_mean(name, open_settings) or f" The settings are: {', '.join(open_settings)}."
            yield f"{place} is not a setting of {cls.__name__}.{hint}"
        elif name in REFUSED:
            yield f"{place} cannot be set: {REFUSED[name]}."
        elif defaults[name] in DEPRECATED:
            yield f"{place} cannot be set: scikit-learn {sklearn.__version__} will remove it."
        else:
            yield from _value_problems(value, cls._parameter_constraints[name], place)


def _value_problems(value: Any, constraints: Sequence[Any], place: str) -> Iterator[str]:
    rules = list(_rules(constraints))
    if any(allows(value) for _, allows in rules):
        return
    if callable(value):
        yield f"{place} cannot be a function or an object, because a spec never contains code; got {short(value)}."
        return
    *others, last = [words for words, _ in rules]
    options = [option for each in constraints for option in _options(each)]
    hint = did_you_mean(value, options) if isinstance(value, str) else ""
    yield f"{place} must be {', '.join(others)}{' or ' if others else ''}{last}; got {short(_as_written(value))}.{hint}"


def _rules(constraints: Sequence[Any]) -> Iterator[Rule]:
    """Yield the rules of those constraints that a plain value can fulfil, without deprecated ones."""
    numbers = [each for each in constraints if type(each) is Interval]
    for each in constraints:
        if each is None:
            yield "null", lambda value: value is None
        elif each == "boolean":
            yield "true or false", lambda value: isinstance(value, bool)
        elif type(each) is Interval:
            yield _phrase(each), partial(_is_in, intervals=(each,))
        elif options := _options(each):
            text = f"one of {', '.join(map(repr, options))}" if len(options) > 1 else repr(options[0])
            yield text, partial(_is_one_of, options=options)
    if "array-like" in constraints:
        yield _list_rule(numbers)


def _list_rule(numbers: Sequence[Any]) -> Rule:
    """Return the rule of a list of numbers, each as a single number must be."""

    def allows(value: Any) -> bool:
        return isinstance(value, tuple) and all(_is_in(item, numbers) for item in value)

    return f"a list, each {' or '.join(map(_phrase, numbers)) or 'a number'}", allows


def _options(constraint: Any) -> list[str]:
    if type(constraint) is not StrOptions:
        return []
    return sorted(constraint.options - constraint.deprecated - UNSUPPORTED)


def _phrase(interval: Any) -> str:
    """Return the numbers of an interval of scikit-learn in words."""
    low, high = interval.left, interval.right
    bounds: dict[str, Any] = {}
    if low is not None:
        bounds["ge" if interval.closed in ("left", "both") else "gt"] = low
    if high is not None:
        bounds["le" if interval.closed in ("right", "both") else "lt"] = high
    number = int if interval.type.__name__ == "Integral" else float
    return phrase_of(Annotated[number, annotated_types.Interval(**bounds)] if bounds else number)


def _is_in(value: Any, intervals: Sequence[Any]) -> bool:
    """True if it is a finite number, in one of the intervals if there are any."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and (not intervals or any(each.is_satisfied_by(value) for each in intervals))


def _is_one_of(value: Any, options: Sequence[str]) -> bool:
    return isinstance(value, str) and value in options


def _as_written(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
