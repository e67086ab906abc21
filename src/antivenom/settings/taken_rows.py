"""Check that rows are those that a classifier takes: their shape, range and finite values."""

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
class Normalises(Protocol):
    """A classifier that `as_classifier` makes with a `mean` and a `std` for its rows."""

    @property
    def mean(self) -> object:
        """The number or numbers that are subtracted from the rows; None for nothing."""


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


def advice_on_shape(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Return advice about rows of another shape than a model takes.

    >>> advice_on_shape((3, 8, 8), (1, 8, 8))
    'If the images are grey, set mode to grey for their data set; it makes one channel of three. Or convert the ...
    """
    if len(expected) == 3 and shape == (*expected[1:], expected[0]):
        return (
            "If they are images with their channels last, pass x.permute(0, 3, 1, 2), or channels='last' to "
            "Dataset.from_arrays. Rows have their channels first here, also for a model that takes them last."
        )
    channels = (shape[0], expected[0]) if len(shape) == 3 and shape[1:] == expected[1:] else ()
    convert = f"Or convert the model with their shape: as_classifier(model, input_shape={shape})."
    if channels == (3, 1):
        return f"If the images are grey, set mode to grey for their data set; it makes one channel of three. {convert}"
    if channels == (1, 3):
        return (
            "If the images are read from files, set mode to rgb for their data set; it makes three equal channels. "
            f"For arrays: np.repeat(x, 3, 1). {convert}"
        )
    return "Reshape the rows, or convert the model with their shape: as_classifier(model, input_shape=...)."


def _check_shape(classifier: Takes, x: Tensor, subject: str) -> None:
    shape, expected = tuple(x.shape[1:]), tuple(classifier.input_shape)
    if x.ndim and shape == expected:
        return
    got, advice = f"rows of shape {shape}", advice_on_shape(shape, expected)
    if tuple(x.shape) == expected:
        got, advice = f"one row of shape {expected}", "Pass x[None], a batch of one row."
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
        else range_advice(
            stated or usual_range(*seen),
            classifier.bounds,
            possible=possible_range(*seen),
            normalises=isinstance(classifier, Normalises),
        )
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
