"""scikit-learn's estimators as classifiers."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier
from torch import Tensor

from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models._adapter import Adapter, Bounds, range_in_words
from antivenom.models._perceptron import update
from antivenom.models.batches import ROWS_PER_ESTIMATOR_BATCH
from antivenom.models.identity import estimator_settings, estimators_in, weights_digest
from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores
from antivenom.threads import PASSES

OWN_BATCH = 200
"""Rows a step of scikit-learn's perceptrons, at most, where they choose themselves."""

FITTED = (
    "coef_", "intercept_", "coefs_", "intercepts_", "theta_", "var_", "class_count_", "class_prior_", "epsilon_",
    "feature_count_", "feature_log_prob_", "class_log_prior_", "t_", "n_iter_", "loss_", "best_loss_",
    "_no_improvement_count",
)  # fmt: skip
"""What linear models, perceptrons and naive Bayes learn: arrays, lists of arrays and numbers."""

OPTIMIZER = ("t", "ms", "vs", "velocities", "learning_rate")
OWN = "optimizer_"
"""What Adam and SGD of scikit-learn's perceptrons remember between two updates."""

Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)] | None

ENOUGH = ({"coef_", "intercept_"}, {"coefs_", "intercepts_"}, {"theta_", "var_"}, {"feature_log_prob_"})
"""With one of these, all that the scores depend on is known."""


class EstimatorClassifier(Adapter):
    """A scikit-learn classifier as a classifier. `as_classifier` makes one.

    Rows are flattened for it. It has no gradients and no features. `incremental` is among what it can where it has
    `partial_fit`, `probabilities` where it has `predict_proba`; without, its scores are its decision function's.

    Args:
        estimator: the estimator, fitted or not; it is copied.
        input_shape: one row's shape.
        classes: how many classes there are; those that it was fitted on, where left out.
        bounds: the range of the rows that it takes; None where there is none.
        pinned: whether a fresh one keeps the estimator's own `random_state`, rather than take the stream's.

    Raises:
        SettingsError: it is not a classifier, or was fitted on other rows or on classes that are not 0, 1, ….
    """

    device = torch.device("cpu")

    def __init__(
        self,
        estimator: Any,
        *,
        input_shape: tuple[int, ...],
        classes: int | None = None,
        bounds: tuple[float, float] | None = (0.0, 1.0),
        pinned: bool = False,
    ) -> None:
        _check_estimator(estimator, classes, input_shape)
        known = getattr(estimator, "classes_", ())
        self.estimator = copy.deepcopy(estimator)
        self.input_shape, self.bounds, self.pinned = tuple(input_shape), bounds, pinned
        self.classes = int(classes or len(known))
        abilities = {"incremental": "partial_fit", "probabilities": "predict_proba"}
        self.can = frozenset(word for word, method in abilities.items() if hasattr(estimator, method))
        width = int(np.prod(self.input_shape))
        self.assumptions = (f"The estimator takes rows as {width} numbers in {range_in_words(bounds)}.",)

    @property
    def name(self) -> str:
        """The estimator's class."""
        return type(self.estimator).__name__

    def _state_of_training(self) -> str:
        return "fitted" if hasattr(self.estimator, "classes_") else "not fitted"

    def fresh(self, rng: Rng) -> "EstimatorClassifier":
        """The same estimator with the same settings, never fitted; its seed is the stream's, unless pinned."""
        made = self.copy()
        made.estimator = clone(self.estimator)
        if not self.pinned and "random_state" in made.estimator.get_params(deep=False):
            made.estimator.set_params(random_state=rng.integer())
        return made

    def copy(self) -> "EstimatorClassifier":
        """The same again, sharing nothing."""
        made = copy.copy(self)
        made.estimator = copy.deepcopy(self.estimator)
        return made

    def to(self, device: torch.device | str) -> "EstimatorClassifier":  # noqa: ARG002
        """A copy where it is: an estimator computes on the CPU, wherever its rows are."""
        return self.copy()

    def fit(self, x: Inputs, y: Labels) -> "EstimatorClassifier":
        """A copy fitted on rows (n, *shape) and class numbers (n), all at once, as the estimator itself does it.

        Raises:
            CapabilityError: a class has no rows, and the estimator would forget it.
        """
        made = self.copy()
        absent = sorted(set(range(self.classes)) - set(y.tolist()))
        if absent:
            raise CapabilityError(f"{self.name} needs rows of every class to be fitted; class {absent[0]} has none.")
        with self._plainly():
            made.estimator.fit(_flat(x), y.cpu().numpy())
        return made

    def scores(self, x: Inputs) -> Scores:
        """Scores (n, classes) of any number of rows: probabilities where it `can`; equal before any fit."""
        if not hasattr(self.estimator, "classes_"):
            return torch.full((len(x), self.classes), 1 / self.classes)
        if not len(x):
            return torch.empty(0, self.classes)
        give = self.estimator.predict_proba if "probabilities" in self.can else self.estimator.decision_function
        with np.errstate(divide="ignore"):  # naive Bayes takes the logarithm of 0 for a class that it never saw
            parts = [
                np.asarray(give(_flat(part, self.estimator)), np.float32) for part in x.split(ROWS_PER_ESTIMATOR_BATCH)
            ]
        scores = torch.from_numpy(np.concatenate(parts))
        return torch.stack([-scores, scores], 1) if scores.ndim == 1 else scores

    def learn(self, x: Inputs, y: Labels) -> float:
        """One `partial_fit` on one batch; the mean cross-entropy before it, or, without probabilities, the error rate.

        Raises:
            CapabilityError: it has no `partial_fit`.
        """
        if "incremental" not in self.can:
            raise CapabilityError(f"{self.name} has no partial_fit, so it cannot learn batch by batch.")
        before, labels = self.scores(x), y.cpu().numpy()
        with self._plainly():
            update(self.estimator, _flat(x, self.estimator), labels, np.arange(self.classes))
        if "probabilities" in self.can:
            said = _normal(before)[np.arange(len(labels)), labels]
            return float(-np.log(said.clip(np.finfo(np.float64).eps, 1)).mean())
        return float((before.argmax(1) != y.cpu()).float().mean())

    def flops(self, rows: int) -> int:
        """The floating-point operations of one step of its training: three passes through its layers.

        A perceptron takes no more rows a step than its own batch; what has no layers counts as a linear model.
        """
        settings = self.estimator.get_params(deep=False)
        if "hidden_layer_sizes" in settings:
            rows = min(rows, OWN_BATCH if settings["batch_size"] == "auto" else int(settings["batch_size"]))
        hidden: list[int] = np.atleast_1d(settings.get("hidden_layer_sizes", ())).astype(int).tolist()
        widths = [int(np.prod(self.input_shape)), *hidden, self.classes]
        return int(PASSES * int(rows) * sum(2 * before * after for before, after in pairwise(widths)))

    def state(self) -> dict[str, Tensor]:
        """A copy of what was learned, by name: linear models', perceptrons' and naive Bayes' alone.

        Raises:
            CapabilityError: it keeps what it learned in another way, such as a tree.
        """
        held = {name: getattr(self.estimator, name) for name in FITTED if hasattr(self.estimator, name)}
        optimizer = getattr(self.estimator, "_optimizer", None)
        held |= {f"{OWN}{name}": getattr(optimizer, name) for name in OPTIMIZER if hasattr(optimizer, name)}
        held = {name: value for name, value in held.items() if value is not None}
        fitted = hasattr(self.estimator, "classes_")
        if fitted and not any(needed <= held.keys() for needed in ENOUGH):
            raise CapabilityError(f"{self.name} keeps what it learned in no plain arrays, so it cannot be written.")
        state = {"fitted": torch.tensor(fitted)}
        if "random_state" in self.estimator.get_params(deep=False):
            seed = self.estimator.get_params(deep=False)["random_state"]
            state["random_state"] = torch.tensor(seed if isinstance(seed, int) else -1)
        for name, value in held.items():
            for index, part in enumerate(value if isinstance(value, list) else [value]):
                key = f"{name}.{index}" if isinstance(value, list) else name
                state[key] = torch.from_numpy(np.array(part))
        return state

    def with_state(self, state: dict[str, Tensor]) -> "EstimatorClassifier":
        """A copy that has learned this.

        Raises:
            CapabilityError: it does not fit the estimator.
        """
        made = self.copy()
        made.estimator = clone(self.estimator)
        if not bool(state.get("fitted", torch.tensor(True))):
            return made
        made._begin(np.zeros((self.classes, int(np.prod(self.input_shape)))))
        if not any(key.startswith(OWN) for key in state):
            vars(made.estimator).pop("_optimizer", None)  # it has seen nothing but the rows of `_begin`
        for name, parts in made._grouped(state).items():
            made._put(name, parts)
        return made

    def _grouped(self, state: dict[str, Tensor]) -> dict[str, list[NDArray[Any]]]:
        """What a state holds, by the attribute that it belongs to; a list's members together."""
        found: dict[str, list[NDArray[Any]]] = {}
        for key, value in state.items():
            name, dot, _ = key.partition(".")
            if name in ("fitted", "random_state"):
                continue
            if not self._has(name):
                raise CapabilityError(f"These weights do not fit {self.name}: it learns no '{name}'.")
            if not dot:
                found[name] = []
            found.setdefault(name, []).append(value.cpu().numpy().copy())
        return found

    def _put(self, name: str, parts: list[NDArray[Any]]) -> None:
        """Replace what the estimator has learned under a name."""
        owner, own = self._place(name)
        old = getattr(owner, own)
        shapes = [np.shape(part) for part in (old if isinstance(old, list) else [old])]
        if shapes != [part.shape for part in parts]:
            raise CapabilityError(f"These weights do not fit {self.name}: '{name}' has other shapes.")
        single = type(old)(parts[0]) if type(old) in (int, float, bool) else parts[0]
        setattr(owner, own, parts if isinstance(old, list) else single)

    def _place(self, name: str) -> tuple[Any, str]:
        """Whose attribute it is that a state calls so, and that attribute's name."""
        if name.startswith(OWN):
            return getattr(self.estimator, "_optimizer", None), name.removeprefix(OWN)
        return self.estimator, name

    def _has(self, name: str) -> bool:
        owner, own = self._place(name)
        return own in (OPTIMIZER if name.startswith(OWN) else FITTED) and hasattr(owner, own)

    def _begin(self, rows: NDArray[Any]) -> None:
        """Give the estimator the attributes that it has after a fit; what is in them is replaced."""
        labels = np.arange(self.classes)
        if "incremental" in self.can:
            self.estimator.partial_fit(rows, labels, classes=labels)
        else:
            self.estimator.fit(rows, labels)

    def identity(self) -> dict[str, Any] | None:
        """Its settings and what it has learned; None where plain values do not say that."""
        try:
            settings, weights = estimator_settings(self.estimator), weights_digest(self)
        except (TypeError, CapabilityError):
            return None
        bounds = None if self.bounds is None else list(map(repr, self.bounds))
        made = [list(self.input_shape), bounds, self.classes, self.pinned]
        return {"weights": weights, "estimator": settings, "made": made}

    def code(self) -> tuple[type, ...]:
        """The classes that work in it."""
        return type(self), *estimators_in(self.estimator)

    def logits(self, x: Inputs) -> Scores:  # noqa: ARG002
        """Refused: it has no gradients."""
        raise CapabilityError(f"{self.name} has no gradients. Pass a torch.nn.Module, or a surrogate of one.")

    def features(self, x: Inputs, layer: str | None = None) -> Features:  # noqa: ARG002
        """Refused: it has no layers."""
        raise CapabilityError(f"{self.name} has no layers whose features could be taken.")

    def layers(self) -> tuple[str, ...]:
        """None."""
        return ()

    def silence(self, layer: str, units: Tensor) -> "EstimatorClassifier":  # noqa: ARG002
        """Refused: it has no units."""
        raise CapabilityError(f"{self.name} has no units that could be silenced.")

    def with_head(self, classes: int, rng: Rng) -> "EstimatorClassifier":  # noqa: ARG002
        """Refused: it has no head."""
        raise CapabilityError(f"{self.name} has no last layer that could be changed.")

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """What scikit-learn refuses, as an error of antivenom's."""
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # it looks at the weights that come out
                yield
        except ValueError as error:
            raise DataError(f"{self.name} cannot learn from these rows: {str(error).splitlines()[0]}") from error


class EstimatorModel(ABC):
    """An architecture that is a scikit-learn estimator with chosen settings: `estimator` makes it.

    `random_state` is the estimator's seed, which every copy keeps; None for the stream's.
    """

    random_state: Seed

    @abstractmethod
    def estimator(self, seed: int) -> Any:
        """The estimator, never fitted, with this `random_state`."""

    def build(self, *, input_shape: tuple[int, ...], classes: int, bounds: Bounds, rng: Rng) -> EstimatorClassifier:
        """An estimator that was never fitted, for rows of `input_shape`."""
        pinned = self.random_state is not None
        estimator = self.estimator(rng.integer() if self.random_state is None else self.random_state)
        return EstimatorClassifier(estimator, input_shape=input_shape, classes=classes, bounds=bounds, pinned=pinned)


def _check_estimator(estimator: Any, classes: int | None, input_shape: tuple[int, ...]) -> None:
    """Refuse what is not a classifier, or was fitted on other rows or classes."""
    if not is_classifier(estimator):
        raise SettingsError([f"{type(estimator).__name__} is not a scikit-learn classifier."])
    known, width = getattr(estimator, "classes_", None), int(np.prod(input_shape))
    if known is None and classes is None:
        raise SettingsError(["The estimator was never fitted. Say how many classes there are: classes=."])
    if known is not None and not np.array_equal(known, np.arange(len(known))):
        raise SettingsError([f"The estimator was fitted on the classes {list(known)[:6]}; number them from 0."])
    if known is not None and classes is not None and len(known) != classes:
        raise SettingsError([f"The estimator was fitted on {len(known)} classes, not {classes}."])
    if getattr(estimator, "n_features_in_", width) != width:
        raise SettingsError(
            [f"The estimator was fitted on {estimator.n_features_in_} columns; rows of {input_shape} have {width}."]
        )


def _flat(x: Inputs, like: Any = None) -> NDArray[Any]:
    """Rows as numbers of the precision that the estimator was fitted in; some refuse to mix."""
    precision = getattr(getattr(like, "coef_", None), "dtype", np.float64)
    return x.detach().cpu().flatten(1).numpy().astype(precision)


def _normal(scores: Tensor) -> NDArray[Any]:
    """Probabilities that sum to 1 in double precision."""
    rows = scores.double().numpy()
    return np.asarray(rows / rows.sum(1, keepdims=True))
