"""The learned attributes of scikit-learn estimators as plain arrays."""

import inspect
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.errors import CapabilityError

FITTED = (
    "coef_", "intercept_", "coefs_", "intercepts_", "theta_", "var_", "class_count_", "class_prior_", "epsilon_",
    "feature_count_", "feature_log_prob_", "class_log_prior_", "t_", "n_iter_", "loss_", "best_loss_",
    "_no_improvement_count",
)  # fmt: skip
"""The learned attributes of linear models, perceptrons and naive Bayes: arrays, lists of arrays, numbers."""

OPTIMIZER = ("t", "ms", "vs", "velocities", "learning_rate")
OPTIMIZER_PREFIX = "optimizer_"
"""The prefix of the optimizer's state: attributes of Adam and SGD that change with each update."""

ENOUGH = ({"coef_", "intercept_"}, {"coefs_", "intercepts_"}, {"theta_", "var_"}, {"feature_log_prob_"})
"""Each of these sets of attributes determines the scores completely."""

OTHERS = ("fitted", "random_state")
"""The parts of a state that are not learned."""


def has_arrays(estimator: Any) -> bool:
    """True if arrays determine the scores of a fitted estimator."""
    return any(needed <= vars(estimator).keys() for needed in ENOUGH)


def seeds_of(estimator: Any) -> list[str]:
    """Return the names of the settings `random_state`, also of the estimators in it."""
    return [name for name in estimator.get_params() if name.rpartition("__")[2] == "random_state"]


def open_seeds(estimator: Any) -> list[str]:
    """Return the names of the settings `random_state` that are not whole numbers, or are the default of the class."""
    settings = estimator.get_params()
    return [
        name
        for name in seeds_of(estimator)
        if not isinstance(settings[name], Integral) or settings[name] == _default_seed(estimator, name)
    ]


def _default_seed(estimator: Any, name: str) -> Any:
    """Return the default of a `random_state`: 0 for scikit-learn's Perceptron, None for almost all classes."""
    part = name.rpartition("__")[0]
    owner = estimator.get_params()[part] if part else estimator
    parameter = inspect.signature(type(owner)).parameters.get("random_state")
    return None if parameter is None else parameter.default


def arrays_of(estimator: Any) -> dict[str, Tensor]:
    """Return copies of the learned attributes by name. The members of a list have the names `coefs_.0`, `coefs_.1`."""
    learned = {name: getattr(estimator, name) for name in FITTED if name in vars(estimator)}
    optimizer = getattr(estimator, "_optimizer", None)
    learned |= {f"{OPTIMIZER_PREFIX}{name}": getattr(optimizer, name) for name in OPTIMIZER if hasattr(optimizer, name)}
    arrays = {}
    for name, value in learned.items():
        if value is None:
            continue
        for index, part in enumerate(value if isinstance(value, list) else [value]):
            arrays[f"{name}.{index}" if isinstance(value, list) else name] = torch.from_numpy(np.array(part))
    return arrays


def precision_of(estimator: Any) -> Any:
    """Return the precision of the weights of a fitted estimator, or of the last one of a pipeline; else float64."""
    steps = getattr(estimator, "steps", None)
    if steps:
        return precision_of(steps[-1][1])
    weights = getattr(estimator, "coef_", None)
    return getattr(next(iter(getattr(estimator, "coefs_", ())), weights), "dtype", np.float64)


def begin(estimator: Any, labels: NDArray[Any], columns: int, *, incrementally: bool) -> None:
    """Fit the estimator on each of these labels, so that it has its learned attributes. Their values are replaced."""
    rows = np.zeros((len(labels), columns))
    if incrementally:
        estimator.partial_fit(rows, labels, classes=labels)
    else:
        estimator.fit(rows, labels)


def put_arrays(estimator: Any, state: dict[str, Tensor]) -> None:
    """Replace the learned attributes of a fitted estimator by those that `arrays_of` returned.

    Raises:
        CapabilityError: the names or shapes do not fit the estimator.
    """
    if not any(key.startswith(OPTIMIZER_PREFIX) for key in state):
        vars(estimator).pop("_optimizer", None)  # it has learned only from other rows
    for name, parts in _grouped(estimator, state).items():
        _put(estimator, name, parts)


def _grouped(estimator: Any, state: dict[str, Tensor]) -> dict[str, list[NDArray[Any]]]:
    """Group the values of a state by attribute. The members of a list belong together."""
    grouped: dict[str, list[NDArray[Any]]] = {}
    for key, value in state.items():
        name, dot, _ = key.partition(".")
        if name in OTHERS:
            continue
        if not _has(estimator, name):
            raise CapabilityError(f"These weights do not fit {type(estimator).__name__}, which does not have '{name}'.")
        if not dot:
            grouped[name] = []
        grouped.setdefault(name, []).append(value.cpu().numpy().copy())
    return grouped


def _put(estimator: Any, name: str, parts: list[NDArray[Any]]) -> None:
    owner, own = _place(estimator, name)
    old = getattr(owner, own)
    shapes = [np.shape(part) for part in (old if isinstance(old, list) else [old])]
    if shapes != [part.shape for part in parts]:
        raise CapabilityError(f"These weights do not fit {type(estimator).__name__}: '{name}' has a different shape.")
    single = type(old)(parts[0]) if type(old) in (int, float, bool) else parts[0]
    setattr(owner, own, parts if isinstance(old, list) else single)


def _place(estimator: Any, name: str) -> tuple[Any, str]:
    """Return the object that has this attribute, and the attribute's name on it."""
    if name.startswith(OPTIMIZER_PREFIX):
        return getattr(estimator, "_optimizer", None), name.removeprefix(OPTIMIZER_PREFIX)
    return estimator, name


def _has(estimator: Any, name: str) -> bool:
    owner, own = _place(estimator, name)
    return own in (OPTIMIZER if name.startswith(OPTIMIZER_PREFIX) else FITTED) and hasattr(owner, own)
