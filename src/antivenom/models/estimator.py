"""scikit-learn's estimators as classifiers."""

import copy
from collections.abc import Callable, Iterator
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
from antivenom.models._perceptron import update
from antivenom.models.module import hold_made_for
from antivenom.rng import Rng
from antivenom.shapes import Features, Inputs, Labels, Scores
from antivenom.threads import PASSES

SCORE_BATCH = 8192

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


class EstimatorClassifier:
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
        SettingsError: it is no classifier, or was fitted on other rows or on classes that are not 0, 1, ….
    """

    can: frozenset[str]
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
        if not is_classifier(estimator):
            raise SettingsError([f"{type(estimator).__name__} is no scikit-learn classifier."])
        self.estimator = copy.deepcopy(estimator)
        self.input_shape, self.bounds, self.pinned = tuple(input_shape), bounds, pinned
        known = getattr(estimator, "classes_", None)
        if known is not None and not np.array_equal(known, np.arange(len(known))):
            raise SettingsError([f"The estimator was fitted on the classes {list(known)[:6]}; number them from 0."])
        if classes is None and known is None:
            raise SettingsError(["The estimator was never fitted. Say how many classes there are: classes=."])
        self.classes = len(known) if known is not None and classes is None else int(classes or 0)
        if known is not None and len(known) != self.classes:
            raise SettingsError([f"The estimator was fitted on {len(known)} classes, not {self.classes}."])
        width = int(np.prod(self.input_shape))
        if getattr(estimator, "n_features_in_", width) != width:
            raise SettingsError(
                [f"The estimator was fitted on {estimator.n_features_in_} columns; rows of {input_shape} have {width}."]
            )
        abilities = {"incremental": "partial_fit", "probabilities": "predict_proba"}
        self.can = frozenset(word for word, method in abilities.items() if hasattr(estimator, method))
        self.assumptions = (f"The estimator takes rows as {width} numbers in {bounds or 'any range'}.",)

    def build(
        self, *, input_shape: tuple[int, ...], classes: int, bounds: tuple[float, float] | None, rng: Rng
    ) -> "EstimatorClassifier":
        """Itself, unfitted, so that it serves wherever an architecture is asked for.

        Raises:
            SettingsError: it is made for other rows or classes.
        """
        hold_made_for(self, input_shape, classes, bounds)
        return self.fresh(rng)

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

    def fit(self, x: Inputs, y: Labels) -> "EstimatorClassifier":
        """A copy fitted on rows (n, *shape) and class numbers (n), all at once, as the estimator itself does it.

        Raises:
            CapabilityError: a class has no rows, and the estimator would forget it.
        """
        made = self.copy()
        absent = sorted(set(range(self.classes)) - set(y.tolist()))
        if absent:
            raise CapabilityError(f"{self._name} needs rows of every class to be fitted; class {absent[0]} has none.")
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
            parts = [np.asarray(give(_flat(part, self.estimator)), np.float32) for part in x.split(SCORE_BATCH)]
        scores = torch.from_numpy(np.concatenate(parts))
        return torch.stack([-scores, scores], 1) if scores.ndim == 1 else scores

    def learn(self, x: Inputs, y: Labels) -> float:
        """One `partial_fit` on one batch; the mean cross-entropy before it, or, without probabilities, the error rate.

        Raises:
            CapabilityError: it has no `partial_fit`.
        """
        if "incremental" not in self.can:
            raise CapabilityError(f"{self._name} has no partial_fit, so it cannot learn batch by batch.")
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
        return PASSES * rows * sum(2 * before * after for before, after in pairwise(widths))

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
            raise CapabilityError(f"{self._name} keeps what it learned in no plain arrays, so it cannot be written.")
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
        rows = np.zeros((self.classes, int(np.prod(self.input_shape))))
        made._begin(rows)
        lists: dict[str, list[NDArray[Any]]] = {}
        if not any(key.startswith(OWN) for key in state):
            vars(made.estimator).pop("_optimizer", None)  # it has seen nothing but the rows of `_begin`
        for key, value in state.items():
            name, dot, _ = key.partition(".")
            if name in ("fitted", "random_state"):
                continue
            if not made._has(name):
                raise CapabilityError(f"These weights do not fit {self._name}: it learns no '{name}'.")
            if dot:
                lists.setdefault(name, []).append(value.cpu().numpy().copy())
            else:
                lists[name] = [value.cpu().numpy().copy()]
        for name, parts in lists.items():
            owner, own = made._place(name)
            old = getattr(owner, own)
            shapes = [np.shape(part) for part in (old if isinstance(old, list) else [old])]
            if shapes != [part.shape for part in parts]:
                raise CapabilityError(f"These weights do not fit {self._name}: '{name}' has other shapes.")
            whole = type(old) in (int, float, bool)
            single = type(old)(parts[0]) if whole else parts[0]
            setattr(owner, own, parts if isinstance(old, list) else single)
        return made

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

    def logits(self, x: Inputs) -> Scores:  # noqa: ARG002
        """Refused: it has no gradients."""
        raise CapabilityError(f"{self._name} has no gradients. Pass a torch.nn.Module, or a surrogate of one.")

    def features(self, x: Inputs, layer: str | None = None) -> Features:  # noqa: ARG002
        """Refused: it has no layers."""
        raise CapabilityError(f"{self._name} has no layers whose features could be taken.")

    def layers(self) -> tuple[str, ...]:
        """None."""
        return ()

    def silence(self, layer: str, units: Tensor) -> "EstimatorClassifier":  # noqa: ARG002
        """Refused: it has no units."""
        raise CapabilityError(f"{self._name} has no units that could be silenced.")

    def with_head(self, classes: int, rng: Rng) -> "EstimatorClassifier":  # noqa: ARG002
        """Refused: it has no head."""
        raise CapabilityError(f"{self._name} has no last layer that could be changed.")

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """What scikit-learn refuses, as an error of antivenom's."""
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # it looks at the weights that come out
                yield
        except ValueError as error:
            raise DataError(f"{self._name} cannot learn from these rows: {str(error).splitlines()[0]}") from error

    @property
    def _name(self) -> str:
        return type(self.estimator).__name__


def seeded(
    make: Callable[[int], Any],
    random_state: Seed,
    rng: Rng,
    *,
    input_shape: tuple[int, ...],
    classes: int,
    bounds: tuple[float, float] | None,
) -> EstimatorClassifier:
    """An estimator that was never fitted, made with this `random_state`, which it keeps, or with the stream's."""
    seed = rng.integer() if random_state is None else random_state
    pinned = random_state is not None
    return EstimatorClassifier(make(seed), input_shape=input_shape, classes=classes, bounds=bounds, pinned=pinned)


def _flat(x: Inputs, like: Any = None) -> NDArray[Any]:
    """Rows as numbers of the precision that the estimator was fitted in; some refuse to mix."""
    precision = getattr(getattr(like, "coef_", None), "dtype", np.float64)
    return x.detach().cpu().flatten(1).numpy().astype(precision)


def _normal(scores: Tensor) -> NDArray[Any]:
    """Probabilities that sum to 1 in double precision."""
    rows = scores.double().numpy()
    return np.asarray(rows / rows.sum(1, keepdims=True))
