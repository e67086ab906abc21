"""scikit-learn estimators as classifiers."""

import copy
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.models._adapter import Adapter, range_in_words
from antivenom.models._estimator_checks import (
    about_classes,
    about_columns,
    about_seeds,
    check_estimator,
    learns_incrementally,
    text_classes,
)
from antivenom.models._estimator_errors import plain_errors
from antivenom.models._estimator_flops import flops_of
from antivenom.models._estimator_kind import missing_classes, missing_scores
from antivenom.models._estimator_scores import normal, one_per_class
from antivenom.models._estimator_state import (
    arrays_of,
    begin,
    has_arrays,
    open_seeds,
    precision_of,
    put_arrays,
    seeds_of,
)
from antivenom.models._without_layers import WithoutLayers
from antivenom.models.batches import ROWS_PER_ESTIMATOR_BATCH
from antivenom.models.channels import Order, with_channels_last
from antivenom.models.checkpoints import check_state
from antivenom.models.identity import estimator_settings, estimators_in, weights_digest
from antivenom.private.perceptron import update
from antivenom.rng import Rng
from antivenom.settings.taken_rows import check_scored
from antivenom.shapes import Inputs, Labels, Scores

ROWS = ("rows", "labels", "scores")
"""The state of an estimator that is fitted again: rows (n, d), labels (n), and the scores of the first rows."""

REPLACED = "The estimator is fitted already. A training fits it again, and replaces what it has learned."
"""What is assumed about an estimator that was fitted before it is used as a model."""

CHECKED_ROWS = 100
"""The number of rows whose scores show that an estimator was fitted again as before."""


class EstimatorClassifier(WithoutLayers, Adapter):
    """A scikit-learn classifier as a classifier. `as_classifier` makes one.

    Rows are flattened and converted to float64, or to the precision of fitted weights such as `coef_`. Class numbers
    are converted to the labels of the estimator if it was fitted on text.

    It has no gradients and no features. It can learn incrementally if it has `partial_fit`, and has probabilities if it
    has `predict_proba`. Otherwise its scores are those of its decision function.

    Args:
        estimator: the estimator, fitted or not; it is copied.
        input_shape: the shape of one row.
        channels: the order of the channels in the flattened rows: "first", or "last" for (height, width, channels).
        classes: the number of classes; required if the estimator was never fitted.
        bounds: the range of the input rows; None for any range.
        pinned: True if `fresh` keeps the `random_state` of the estimator; False if the stream sets it. If omitted, a
            whole number is kept, also in the estimators inside of it, and the stream sets it where it is None.

    Raises:
        SettingsError: it is not a classifier, was fitted on other rows, or on numbers that are not 0, 1, ….
    """

    device = torch.device("cpu")

    def __init__(
        self,
        estimator: Any,
        *,
        input_shape: tuple[int, ...],
        channels: Order = "first",
        classes: int | None = None,
        bounds: tuple[float, float] | None = (0.0, 1.0),
        pinned: bool | None = None,
    ) -> None:
        check_estimator(estimator, classes, input_shape)
        known = getattr(estimator, "classes_", ())
        self.estimator = copy.deepcopy(estimator)
        self.input_shape, self.bounds, self.channels = tuple(input_shape), bounds, channels
        self.drawn_seeds = () if pinned else tuple(seeds_of(estimator) if pinned is False else open_seeds(estimator))
        self.classes, self.class_names = int(classes or len(known)), text_classes(known)
        incremental, probabilities = learns_incrementally(estimator), hasattr(estimator, "predict_proba")
        self.can = frozenset(["incremental"] * incremental + ["probabilities"] * probabilities)
        self.rows: tuple[Inputs, Labels] | None = None
        order = " with channels last" if channels == "last" else ""
        takes = f"The estimator takes rows as {self._width} numbers in {range_in_words(bounds)}{order}."
        order_of_columns = about_columns(estimator, self.column_names, self.input_shape)
        replaced = (REPLACED,) if hasattr(estimator, "classes_") else ()
        seeds = about_seeds(estimator) if pinned is None else ()
        self.assumptions = (takes, *replaced, *seeds, *order_of_columns, *about_classes(self.class_names))

    @property
    def name(self) -> str:
        """The class of the estimator, and of the estimator in it if it is calibrated."""
        name, inner = type(self.estimator).__name__, self.estimator.get_params(deep=False).get("estimator")
        return f"{name}({type(inner).__name__})" if hasattr(inner, "get_params") else name

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns that the estimator was fitted on; empty if it does not know them."""
        return tuple(map(str, getattr(self.estimator, "feature_names_in_", ())))

    @property
    def _width(self) -> int:
        return int(np.prod(self.input_shape))

    def _state_of_training(self) -> str:
        return "fitted" if hasattr(self.estimator, "classes_") else "not fitted"

    def fresh(self, rng: Rng) -> "EstimatorClassifier":
        """Return an unfitted estimator with the same settings. The stream sets the seeds that are not pinned."""
        new = self.copy()
        new.estimator, new.rows = clone(self.estimator), None
        if self.drawn_seeds:
            new.estimator.set_params(**dict.fromkeys(self.drawn_seeds, rng.integer()))
        return new

    def copy(self) -> "EstimatorClassifier":
        """Return a copy that shares nothing with this classifier."""
        new = copy.copy(self)
        new.estimator = copy.deepcopy(self.estimator)
        return new

    def to(self, device: torch.device | str) -> "EstimatorClassifier":  # noqa: ARG002
        """Return a copy on the CPU: an estimator supports no other device."""
        return self.copy()

    def fit(self, x: Inputs, y: Labels) -> "EstimatorClassifier":
        """Return a copy, fitted by the estimator's own `fit` on rows (n, *shape) and class numbers (n).

        Raises:
            CapabilityError: a class has no rows, so the estimator would not know it; or the fitted estimator has no
                classes or no scores.
        """
        new = self.copy()
        absent = sorted(set(range(self.classes)) - set(y.tolist()))
        if absent:
            raise CapabilityError(f"{self.name} requires rows of every class to be fitted; class {absent[0]} has none.")
        with plain_errors(self.name):
            new.estimator.fit(self._flat(x), self._labels(y))
        if problem := missing_classes(new.estimator) or missing_scores(new.estimator):
            raise CapabilityError(problem)
        new.rows = None if has_arrays(new.estimator) else (x.detach().cpu().flatten(1), y.cpu())
        return new

    def scores(self, x: Tensor) -> Scores:
        """Return scores (n, classes), equal before the first fit; they sum to 1 if it has `predict_proba`.

        Raises:
            DataError: rows have another shape, are not floating-point numbers, or are far outside of `bounds`.
            CapabilityError: the estimator does not return one score for each class.
        """
        check_scored(self, x)
        if not hasattr(self.estimator, "classes_"):
            return torch.full((len(x), self.classes), 1 / self.classes)
        if not len(x):
            return torch.empty(0, self.classes)
        score = self.estimator.predict_proba if "probabilities" in self.can else self.estimator.decision_function
        with (
            plain_errors(self.name, "score"),
            np.errstate(divide="ignore"),
        ):  # naive Bayes: log(0)
            parts = [np.asarray(score(self._flat(part)), np.float32) for part in x.split(ROWS_PER_ESTIMATOR_BATCH)]
        scores = torch.from_numpy(np.concatenate(parts))
        return one_per_class(scores, len(x), self.classes, self.name)

    def learn(self, x: Inputs, y: Labels) -> float:
        """Call `partial_fit` on one batch. Return the mean cross-entropy before it, or the error rate in [0, 1].

        Raises:
            CapabilityError: it has no `partial_fit`.
        """
        if "incremental" not in self.can:
            raise CapabilityError(f"Incremental learning requires partial_fit, which {self.name} does not have.")
        before, labels = self.scores(x), y.cpu().numpy()
        with plain_errors(self.name):
            update(self.estimator, self._flat(x), self._labels(y), self._labels(torch.arange(self.classes)))
        if "probabilities" in self.can:
            predicted = normal(before)[np.arange(len(labels)), labels]
            return float(-np.log(predicted.clip(np.finfo(np.float64).eps, 1)).mean())
        return float((before.argmax(1) != y.cpu()).float().mean())

    def flops(self, rows: int) -> int:
        """Return the floating-point operations of one training step: three passes through its layers.

        A perceptron takes at most its own batch per step. An estimator without layers counts as a linear model.
        """
        return flops_of(self.estimator.get_params(deep=False), int(rows), self._width, self.classes)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the learned attributes by name, for linear models, perceptrons and naive Bayes.

        Other estimators, such as trees, keep what they learned in objects, and a file never contains objects. Their
        state is the rows of `fit` and the seed, from which `with_state` fits the same estimator again.

        Raises:
            CapabilityError: an estimator with such objects was not fitted by `fit`, or has no seed.
        """
        fitted = hasattr(self.estimator, "classes_")
        state = {"fitted": torch.tensor(fitted)}
        if self.drawn_seeds:
            seed = self.estimator.get_params()[self.drawn_seeds[0]]
            state["random_state"] = torch.tensor(int(seed) if isinstance(seed, Integral) else -1)
        if fitted and not has_arrays(self.estimator):
            return {**state, **self._state_as_rows()}
        return {**state, **arrays_of(self.estimator)}

    def with_state(self, state: dict[str, Tensor]) -> "EstimatorClassifier":
        """Return a copy with these learned attributes. A training replaces them.

        Raises:
            CapabilityError: the names or shapes do not fit the estimator.
        """
        check_state(state)
        new = self.copy()
        new.estimator, new.rows = clone(self.estimator), None
        if not bool(state.get("fitted", torch.tensor(True))):
            return new
        if state.keys() >= set(ROWS):
            return self._fitted_again(state)
        labels = self._labels(torch.arange(self.classes))
        begin(new.estimator, labels, self._width, incrementally="incremental" in self.can)
        put_arrays(new.estimator, state)
        return new

    def _state_as_rows(self) -> dict[str, Tensor]:
        if self.rows is None:
            raise CapabilityError(
                f"Saving requires plain arrays, which {self.name} does not have, or the rows that it was fitted on. "
                "Fit it with the training own_fit."
            )
        settings = self.estimator.get_params()
        if any(not isinstance(settings[name], Integral) for name in seeds_of(self.estimator)):
            raise CapabilityError(f"Saving requires a random_state, which {self.name} does not have. Set it, and fit.")
        x, y = self.rows
        return dict(
            zip(ROWS, (x.clone(), y.clone(), self.scores(x[:CHECKED_ROWS].unflatten(1, self.input_shape))), strict=True)
        )

    def _fitted_again(self, state: dict[str, Tensor]) -> "EstimatorClassifier":
        """Return a copy that is fitted on the rows of a state, after a check that it is the same classifier."""
        new, (x, y, scores) = self.copy(), (state[name] for name in ROWS)
        new.estimator = clone(self.estimator)
        if "random_state" in state:
            seed = int(state["random_state"])
            new.estimator.set_params(**dict.fromkeys(self.drawn_seeds, seed))
        if x.ndim != 2 or x.shape[1] != self._width or len(x) != len(y) or set(y.tolist()) != set(range(self.classes)):
            rows = f"rows of {self._width} numbers and {self.classes} classes"
            raise CapabilityError(f"These weights do not fit {self.name}, which requires {rows}.")
        x = x.unflatten(1, self.input_shape)
        new = new.fit(x, y)
        if not torch.allclose(new.scores(x[:CHECKED_ROWS]), scores, atol=1e-5):
            raise CapabilityError(
                f"{self.name} has other scores when it is fitted again: its settings or scikit-learn's version differ."
            )
        return new

    def identity(self) -> dict[str, Any] | None:
        """Return settings and a digest of the weights, or None if plain values do not describe them."""
        try:
            settings, weights = estimator_settings(self.estimator), weights_digest(self)
        except (TypeError, CapabilityError):
            return None
        bounds = None if self.bounds is None else list(map(repr, self.bounds))
        names = [list(self.drawn_seeds), list(self.class_names)]
        arguments = [list(self.input_shape), bounds, self.classes, self.channels, *names]
        return {"weights": weights, "estimator": settings, "made": arguments}

    def code(self) -> tuple[type, ...]:
        """Return the classes that it uses."""
        return type(self), *estimators_in(self.estimator)

    def _flat(self, x: Inputs) -> NDArray[Any]:
        """Return flattened rows in the precision of the fitted estimator; some estimators do not allow another."""
        precision = precision_of(self.estimator)
        rows = with_channels_last(x) if self.channels == "last" else x
        return rows.detach().cpu().flatten(1).double().numpy().astype(precision)

    def _labels(self, y: Labels) -> NDArray[Any]:
        """Return the labels of the estimator for class numbers (n)."""
        numbers = y.cpu().numpy()
        return np.array(self.class_names)[numbers] if self.class_names else numbers
