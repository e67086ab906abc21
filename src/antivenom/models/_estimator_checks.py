"""Checks of estimators, and the labels that they were fitted on."""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from antivenom.data.class_order import class_order
from antivenom.errors import SettingsError
from antivenom.models._estimator_kind import check_kind
from antivenom.models._estimator_state import open_seeds, seeds_of
from antivenom.settings.fits import listed

PAIRS = ("decision_function_shape", "ovo")
"""The setting of scikit-learn, and its value, that gives scores of pairs of classes."""


def check_estimator(estimator: Any, classes: int | None, input_shape: tuple[int, ...]) -> None:
    """Raise SettingsError if it is not a classifier, or was fitted on other rows or classes."""
    check_kind(estimator)
    check_columns_by_number(estimator)
    known, width = getattr(estimator, "classes_", None), int(np.prod(input_shape))
    if known is None and classes is None:
        raise SettingsError(["The estimator was never fitted. Pass the number of classes as classes=."])
    if known is not None and not text_classes(known) and not np.array_equal(known, np.arange(len(known))):
        raise SettingsError(
            [
                f"The estimator must be fitted on classes 0, 1, … or on text labels; got {listed(_values(known))}. "
                "Fit it again on class numbers, such as y of Dataset.from_arrays."
            ]
        )
    if known is not None and classes is not None and len(known) != classes:
        raise SettingsError([f"classes must be {len(known)}, as the estimator was fitted; got {classes}."])
    check_one_score_per_class(estimator, int(classes or 0) if known is None else len(known))
    if getattr(estimator, "n_features_in_", width) != width:
        raise SettingsError(
            [f"The estimator was fitted on {estimator.n_features_in_} columns; rows of {input_shape} have {width}."]
        )


def check_columns_by_number(estimator: Any) -> None:
    """Raise SettingsError if a ColumnTransformer in an estimator selects columns by their names or types."""
    for part in _parts(estimator):
        for name, _, columns in getattr(part, "transformers", None) or ():
            chosen = columns if isinstance(columns, list | tuple | np.ndarray) else [columns]
            if any(isinstance(each, str) or callable(each) for each in chosen):
                by = "a function" if callable(columns) else listed(_values(chosen))
                raise SettingsError(
                    [
                        f"The estimator gets its rows as an array, without column names; {type(part).__name__} selects "
                        f"the columns of {name!r} by {by}. Fit it again on an array, with column numbers: "
                        f"{_column_numbers(estimator, part, list(chosen))}."
                    ]
                )


def _column_numbers(estimator: Any, part: Any, chosen: Sequence[Any]) -> str:
    """Return the numbers of columns that are selected by their names, or an example if their order is not known."""
    names = getattr(part, "feature_names_in_", getattr(estimator, "feature_names_in_", None))
    order = [] if names is None else list(map(str, names))
    if not all(isinstance(each, str) and each in order for each in chosen):
        return "such as [0, 2]"
    return f"{[order.index(each) for each in chosen]} in the order of {listed(order)}"


def check_one_score_per_class(estimator: Any, classes: int) -> None:
    """Raise SettingsError if the scores of an estimator are those of pairs of classes.

    Args:
        estimator: the estimator, or one that contains it, such as a Pipeline or a search of settings.
        classes: the number of classes. One pair has the same scores as two classes.
    """
    if classes > 2 and not hasattr(estimator, "predict_proba") and any(map(_scores_pairs, _parts(estimator))):
        raise SettingsError(
            [
                f"{type(estimator).__name__} has decision_function_shape='ovo', which gives a score for each pair of "
                "classes. Set decision_function_shape='ovr', which gives one for each class."
            ]
        )


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and those in its settings."""
    yield estimator
    for each in estimator.get_params().values():
        if callable(getattr(each, "get_params", None)) and not isinstance(each, type):
            yield each


def _scores_pairs(estimator: Any) -> bool:
    """True if a setting of an estimator, or a value that a search can choose for it, is that of pairs of classes."""
    settings = estimator.get_params(deep=False)
    searched = settings.get("param_grid", settings.get("param_distributions")) or ()
    chosen = {PAIRS[0]: [settings.get(PAIRS[0])]}
    grids = [chosen, *([searched] if isinstance(searched, Mapping) else searched)]
    return any(
        key.endswith(PAIRS[0]) and isinstance(values, Sequence | np.ndarray) and PAIRS[1] in list(values)
        for grid in grids
        for key, values in grid.items()
    )


def learns_incrementally(estimator: Any) -> bool:
    """True if it has `partial_fit`, and has no setting that scikit-learn refuses in `partial_fit`."""
    settings = estimator.get_params(deep=False)
    hindered = settings.get("early_stopping") or settings.get("class_weight") == "balanced"
    return hasattr(estimator, "partial_fit") and not hindered


def text_classes(known: Any) -> tuple[str, ...]:
    """Return the classes of an estimator if they are text; otherwise an empty tuple.

    >>> text_classes(np.array(["cat", "dog"])), text_classes(np.array([0, 1]))
    (('cat', 'dog'), ())
    """
    values = _values(known)
    return tuple(map(str, values)) if values and all(isinstance(value, str) for value in values) else ()


def about_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is assumed about an estimator with text labels."""
    if not names:
        return ()
    sentence = f"The estimator has text labels: its classes 0, 1, … are {listed(names)}, in the order of"
    if names == class_order(names):
        return (f"{sentence} Dataset.from_arrays.",)
    return (
        f"{sentence} its fit. Dataset.from_arrays has another order, so pass it the names: "
        "classes=list(classifier.class_names).",
    )


def about_seeds(estimator: Any) -> tuple[str, ...]:
    """Return what is assumed about the settings `random_state` of an estimator, and of those in it."""
    settings, drawn = estimator.get_params(), open_seeds(estimator)
    kept = [f"{name}={settings[name]}" for name in seeds_of(estimator) if name not in drawn]
    replaced = [name for name in drawn if settings[name] is not None]
    whole = [f"{name}={settings[name]}" for name in replaced if isinstance(settings[name], Integral)]
    sentences = []
    if kept:
        sentences.append(
            f"The estimator's {', '.join(kept)} is kept: every training and every repeat uses it. For seeds from the "
            "experiment, set random_state=None."
        )
    if whole:
        sentences.append(
            f"The estimator's {', '.join(whole)} is the default of its class: a training replaces it by a seed from "
            "the experiment. Another number is kept."
        )
    if len(replaced) > len(whole):
        names = ", ".join(name for name in replaced if not isinstance(settings[name], Integral))
        sentences.append(
            f"The estimator's {names} is not a whole number: a training replaces it by a seed from the experiment."
        )
    return tuple(sentences)


def about_columns(estimator: Any, names: tuple[str, ...], input_shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what is assumed about the order of the columns of a fitted estimator of tables."""
    if not hasattr(estimator, "classes_") or len(input_shape) != 1:
        return ()
    if names:
        return (f"The columns of the rows are {listed(names)}, in this order, as the estimator was fitted.",)
    return ("The estimator does not know the names of its columns: the columns of the rows are taken in their order.",)


def _values(known: Any) -> list[Any]:
    """Return classes as plain values of Python."""
    values: Sequence[Any] = np.asarray(known, dtype=object).tolist()
    return [value.item() if isinstance(value, np.generic) else value for value in values]
