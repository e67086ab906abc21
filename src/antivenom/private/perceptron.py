"""One `partial_fit` of scikit-learn's perceptron, without its repeated checks.

A call of `MLPClassifier.partial_fit` on a few rows spends most of its time on checks of rows and labels. This module
makes the same update from the gradient and the optimizer of the estimator. When a kind of perceptron first learns in a
process, both methods run on copies. If the results differ in a single bit, or if another version of scikit-learn has
other attributes, `partial_fit` is used from then on.
"""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier
from sklearn.utils import check_random_state

Floats = NDArray[np.floating]
Numbers = NDArray[np.int64]

_same: dict[tuple[Any, ...], bool] = {}


def update(estimator: Any, x: Floats, y: Numbers, classes: Numbers) -> None:
    """Do the same as `estimator.partial_fit(x, y, classes=classes)`, by the fast method if that is possible.

    Args:
        estimator: any estimator with `partial_fit`. It is changed.
        x: rows (n, d).
        y: class numbers (n).
        classes: all class numbers (k).
    """
    if not _is_plain(estimator, x, y, classes):
        estimator.partial_fit(x, y, classes=classes)
        return
    depth = len(estimator.coefs_)
    kind = (estimator.solver, estimator.activation, depth, len(classes) > 2, estimator.shuffle, x.dtype.char)
    if kind not in _same:
        _same[kind] = _agree(estimator, x, y, classes)
    if _same[kind]:
        quick_update(estimator, x, y)
    else:
        estimator.partial_fit(x, y, classes=classes)


def _is_plain(estimator: Any, x: Floats, y: Numbers, classes: Numbers) -> bool:
    """True if it is a perceptron that has learned before, and the rows are one batch that needs no conversion."""
    if type(estimator) is not MLPClassifier or not hasattr(estimator, "_optimizer") or not len(x):
        return False
    usual = estimator.solver in ("adam", "sgd") and not (estimator.early_stopping or estimator.warm_start)
    batch = 200 if estimator.batch_size == "auto" else estimator.batch_size
    return bool(
        usual
        and not estimator.verbose
        and isinstance(estimator.random_state, int | np.integer)
        and len(x) <= batch
        and (estimator.batch_size == "auto" or len(x) == batch)
        and np.array_equal(estimator.classes_, classes)
        and np.array_equal(classes, np.arange(len(classes)))
        and y.min() >= 0
        and y.max() < len(classes)
        and x.shape[1] == estimator.n_features_in_
        and x.dtype == estimator.coefs_[0].dtype
        and np.isfinite(x).all()
    )


def quick_update(estimator: Any, x: Floats, y: Numbers) -> None:
    """Update the estimator on one batch, without checks.

    Raises:
        ValueError: a weight is NaN or infinite.
    """
    count, depth = len(x), len(estimator.coefs_)
    targets = (y[:, None] == 1) if estimator.n_outputs_ == 1 else (y[:, None] == estimator.classes_)
    estimator._random_state = check_random_state(estimator.random_state)
    if estimator.shuffle:
        order = np.arange(count)
        estimator._random_state.shuffle(order)
        x, targets = x[order], targets[order]
    sums: list[Any] = [[None] * depth for _ in range(3)]
    activations = [x, *[None] * depth]
    loss, coefs, intercepts = estimator._backprop(x, targets, None, activations, *sums)
    estimator._optimizer.update_params(estimator.coefs_ + estimator.intercepts_, coefs + intercepts)
    estimator.n_iter_ = 1
    estimator.loss_ = loss * count / count
    estimator.t_ += count
    estimator.loss_curve_.append(estimator.loss_)
    estimator._update_no_improvement_count(False, None, None, None)
    estimator._optimizer.iteration_ends(estimator.t_)
    if estimator._no_improvement_count > estimator.n_iter_no_change and not estimator._optimizer.trigger_stopping(
        "", False
    ):
        estimator._no_improvement_count = 0
    if not all(np.isfinite(each).all() for each in (*estimator.coefs_, *estimator.intercepts_)):
        raise ValueError("The perceptron's weights must be finite numbers; got NaN or infinity. Scale the rows.")


def _agree(estimator: Any, x: Floats, y: Numbers, classes: Numbers) -> bool:
    """True if both methods have the same result, to the bit, after two updates."""
    quick, slow = copy.deepcopy(estimator), copy.deepcopy(estimator)
    try:
        for _ in range(2):
            quick_update(quick, x, y)
            slow.partial_fit(x, y, classes=classes)
    except (AttributeError, TypeError):  # another version has other attributes
        return False
    return all(_equal(getattr(quick, name), getattr(slow, name)) for name in vars(slow) if name != "_random_state")


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(_equal, first, second))
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second)
    if hasattr(first, "__dict__"):
        return all(_equal(value, vars(second).get(name)) for name, value in vars(first).items())
    return bool(first == second)
