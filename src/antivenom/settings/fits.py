"""Check that rows fit a classifier, before any work: their shape, classes, range and finite values."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.errors import DataError
from antivenom.settings.ranges import possible_range, range_advice, usual_range
from antivenom.settings.scored_range import is_any_range

TOLERANCE = 1e-3
"""The share of the range by which values may be outside it, for rounding errors."""
WIDE = 100.0
"""A range this wide is not one of values in [0, 1]."""
FAR = 0.5
"""The share of the range by which values that a user scores may be outside it. `any_range` admits all values."""
ON_PURPOSE = "To score such rows on purpose, for example noise: `with any_range():`, from antivenom.models."
LISTED = 10
"""The most values that a message lists."""
ROWS_PROBED = 64
"""The number of rows whose scores must be finite before a defence or a repair uses a classifier."""

Bounds = tuple[float, float] | None


class Takes(Protocol):
    """The part of a classifier that says which rows it takes."""

    @property
    def name(self) -> str:
        """The name for messages."""

    @property
    def classes(self) -> int:
        """The number of classes."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one row."""

    @property
    def bounds(self) -> Bounds:
        """The range of the rows; None for any range."""

    def scores(self, x: Tensor) -> Tensor:
        """Return class scores (n, classes)."""


@runtime_checkable
class NamesClasses(Protocol):
    """A classifier that knows the names of its classes."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes; empty if it knows only class numbers."""


@runtime_checkable
class NamesColumns(Protocol):
    """A classifier that knows the names of the columns that it was fitted on."""

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns in their order; empty if it does not know them."""


class HasRows(Protocol):
    """The part of a data set that says which rows it has."""

    @property
    def x(self) -> Tensor:
        """The stored rows (n, *shape)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""

    @property
    def bounds(self) -> Bounds:
        """The range of the rows; None if they have none."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a table; empty if they are not known."""

    def inputs(self, rows: slice) -> Tensor:
        """Return rows as a classifier receives them."""


def check_fits(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a data set fits a classifier.

    Args:
        classifier: the classifier.
        data: the data set.
        subject: the subject of the message, such as "NeuralCleanse.scan: `clean`".

    Raises:
        DataError: rows have another shape or range, are not finite, or the data has another number of classes, or
            other columns.
    """
    check_columns(classifier, data, subject)
    check_rows(classifier, data.x, data.bounds, subject)
    check_classes(classifier, data, subject)


def check_classes(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a data set has the classes of a classifier.

    Raises:
        DataError: it has names of more or fewer classes.
    """
    if len(data.classes) != classifier.classes:
        raise DataError(_about_classes(classifier, len(data.classes), subject))
    check_names(classifier, data, subject)


def _about_classes(classifier: Takes, classes: int, subject: str) -> str:
    wrong = f"{subject} must have names of {classifier.classes} classes, as {classifier.name} has; got names of"
    advice = (
        f"Use a model with {classes} classes, or only rows of the {classifier.classes} classes of the model."
        if classes > classifier.classes
        else f"Pass all of them: Dataset.from_arrays(x, y, classes={classifier.classes})."
    )
    return f"{wrong} {classes} classes. {advice}"


def check_names(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a data set has the names of the classes that a classifier was fitted on, in the same order.

    Raises:
        DataError: it has other names. A classifier that knows only class numbers takes all names.
    """
    names = classifier.class_names if isinstance(classifier, NamesClasses) else ()
    if names and names != data.classes:
        raise DataError(
            f"{subject} must have the classes {listed(names)}, as {classifier.name} was fitted; got "
            f"{listed(data.classes)}. Pass the names in this order as classes= to Dataset.from_arrays, or convert an "
            "unfitted estimator."
        )


def check_columns(classifier: Takes, data: HasRows, subject: str = "The data") -> None:
    """Check that a table has the columns that a classifier was fitted on, in the same order.

    Raises:
        DataError: both know the names of their columns, and these differ.
    """
    names = classifier.column_names if isinstance(classifier, NamesColumns) else ()
    if names and data.columns and names != data.columns:
        raise DataError(
            f"{subject} must have the columns {listed(names)}, in this order, as {classifier.name} was fitted; got "
            f"{listed(data.columns)}. Select the columns in this order first."
        )


def listed(values: Sequence[object]) -> str:
    """Return the first values as text for a message.

    >>> listed(("cat", "dog")), listed(range(20))
    ("'cat', 'dog'", '0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …')
    """
    return ", ".join([*map(repr, values[:LISTED]), *["…"] * (len(values) > LISTED)])


def check_rows(classifier: Takes, x: Tensor, bounds: Bounds, subject: str) -> None:
    """Check the shape and the values of rows (n, *shape). `bounds` is the range that their data set states.

    Raises:
        DataError: rows have another shape or range, or are not finite.
    """
    _check_shape(classifier, x, subject)
    _check_range(classifier, x, bounds, subject)


def check_scored(classifier: Takes, x: Tensor) -> None:
    """Check rows (n, *shape) before they are scored: floating-point numbers of the right shape, finite, and at most
    half of the range outside of it. In `any_range`, they may have any range.

    Raises:
        DataError: they are not.
    """
    check_tensor(x)
    _check_shape(classifier, x, "x")
    if not x.is_floating_point():
        dtype = str(x.dtype).removeprefix("torch.")
        raise DataError(
            f"x must have floating-point numbers, as {classifier.name} takes; got {dtype}. Pass inputs() of a Dataset, "
            "or convert x with .float() and scale it."
        )
    if not x.numel():
        return
    low, high = _extremes(x)
    _check_finite(low, high, "x")
    if classifier.bounds is None or is_any_range():
        return
    least, most = classifier.bounds
    margin, got = FAR * (most - least), f"values from {low:g} to {high:g}"
    if low < least - margin or high > most + margin:
        about = _about_range(classifier, x, "x", got, None)
        known = usual_range(low, high) or possible_range(low, high)
        raise DataError(about if known else f"{about} {ON_PURPOSE}")
    if _as_fractions(classifier.bounds, low, high) and bool((x != x.round()).any()):
        got = f"{got}, as if rows were in [0, 1]"
        raise DataError(_about_range(classifier, x, "x", got, (0, 1)))


def check_tensor(x: object) -> None:
    """Check that rows are a tensor.

    Raises:
        DataError: they are a NumPy array or another object.
    """
    if not isinstance(x, Tensor):
        kind = type(x)
        advice = (
            "Convert it: torch.from_numpy(x).float()." if hasattr(x, "__array__") else "Pass inputs() of a Dataset."
        )
        raise DataError(f"x must be a tensor of rows; got {kind.__module__}.{kind.__qualname__}. {advice}")


def _check_shape(classifier: Takes, x: Tensor, subject: str) -> None:
    shape, expected = tuple(x.shape[1:]), tuple(classifier.input_shape)
    if x.ndim and shape == expected:
        return
    got = f"rows of shape {shape}"
    if tuple(x.shape) == expected:
        got, advice = f"one row of shape {expected}", "Pass x[None], a batch of one row."
    else:
        last = len(expected) == 3 and shape == (*expected[1:], expected[0])
        advice = (
            "If they are images with their channels last, pass x.permute(0, 3, 1, 2), or channels='last' to "
            "Dataset.from_arrays. Rows have their channels first here, also for a model that takes them last."
            if last
            else "Reshape the rows, or convert the model with their shape: as_classifier(model, input_shape=...)."
        )
    raise DataError(f"{subject} must have rows of shape {expected}, as {classifier.name} takes; got {got}. {advice}")


def _check_range(classifier: Takes, x: Tensor, stated: Bounds, subject: str) -> None:
    allowed = classifier.bounds
    low, high = _extremes(x)
    _check_finite(low, high, subject)
    if allowed is None:
        return
    margin = TOLERANCE * (allowed[1] - allowed[0])
    got = ""
    if stated is not None and max(abs(one - other) for one, other in zip(stated, allowed, strict=True)) > margin:
        got = f"rows in [{stated[0]:g}, {stated[1]:g}]"
    elif _has_values(x) and (low < allowed[0] - margin or high > allowed[1] + margin):
        got = f"values from {low:g} to {high:g}"
    elif stated is None and _as_fractions(allowed, low, high):
        got = f"values from {low:g} to {high:g}, as if rows were in [0, 1]"
    if got:
        raise DataError(_about_range(classifier, x, subject, got, stated))


def _as_fractions(allowed: tuple[float, float], low: float, high: float) -> bool:
    """Return whether values look as if rows were in [0, 1], in a much wider range."""
    return allowed[1] - allowed[0] >= WIDE and allowed[0] <= low < high <= 1


def _check_finite(low: float, high: float, subject: str) -> None:
    if not low - low == high - high == 0:  # NaN or infinity
        raise DataError(f"{subject} must be finite numbers; got NaN or infinity. Remove or fill these values first.")


def _about_range(classifier: Takes, x: Tensor, subject: str, got: str, stated: Bounds) -> str:
    """Return the message about rows in another range than the classifier takes. `stated` is that of their data set."""
    assert classifier.bounds is not None
    seen = _extremes(x)
    low, high = classifier.bounds
    advice = (
        f"uint8 values from 0 to 255 become rows in the range of the data set. Pass bounds=({low:g}, {high:g}) to "
        "the data set too, for example to Dataset.from_arrays."
        if x.dtype == torch.uint8
        else range_advice(stated or usual_range(*seen), classifier.bounds, possible=possible_range(*seen))
    )
    return f"{subject} must have rows in [{low:g}, {high:g}], the range of {classifier.name}; got {got}. {advice}"


def _extremes(x: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest value of float rows; 0 for rows of uint8, and for no rows."""
    if not _has_values(x):
        return 0.0, 0.0
    low, high = torch.stack(x.aminmax()).tolist()  # one transfer from the device
    return low, high


def _has_values(x: Tensor) -> bool:
    """Return whether there are values that can be out of a range. The range of uint8 is stated by its data set."""
    return x.is_floating_point() and bool(x.numel())


def undefined_rows(scores: Tensor) -> Tensor:
    """Return the rows whose scores do not have a largest one (n), bool: with NaN, or with infinity as the largest.

    >>> undefined_rows(torch.tensor([[0.1, 0.9], [torch.nan, 0.9], [-torch.inf, 0.0]])).tolist()
    [False, True, False]
    """
    return ~torch.isfinite(scores.amax(1))


def check_scores(scores: Tensor, name: str, subject: str = "The data") -> None:
    """Check that all scores (n, classes) of the classifier `name` are finite.

    Raises:
        DataError: some are not.
    """
    count = int(undefined_rows(scores).sum())
    if count:
        raise DataError(
            f"{subject}: the scores of {name} are not finite for {count} of {len(scores)} rows: it has diverged. "
            "Train it again, for example with a lower learning rate."
        )


def check_probe(classifier: Takes, data: HasRows, subject: str) -> None:
    """Check that the scores of the first rows are finite.

    Raises:
        DataError: some are not.
    """
    rows = data.inputs(slice(0, ROWS_PROBED))
    if len(rows):
        check_scores(classifier.scores(rows), classifier.name, subject)
