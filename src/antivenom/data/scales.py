"""The scale of the rows of a training set and of a test set: their bounds and their values."""

from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.errors import DataError
from antivenom.settings.ranges import Range
from antivenom.shapes import Rows

SAMPLE = 200_000
"""About as many values of each set are compared, from rows in equal steps."""

FEWEST_ROWS, FEWEST_VALUES = 10, 40
"""The values of smaller sets are not compared: they can differ by chance."""

TIMES = 10.0
"""Ranges have different scales if one is this many times as wide as the other."""

TIMES_IN_COLUMNS = 5.0
"""Then half of the columns of a table must also have ranges with at least this ratio."""

USUAL = 0.01
"""The share of the values at each end that does not count: outliers."""

NEGATIVE = 0.1
"""If this share of the values of one set is negative, and none of the other set, they have different scales."""

WIDE = 100.0
"""Rows within [0, 1] do not fill bounds this wide."""

MOST_OF_FRACTIONS = 1.001
"""The largest value of rows within [0, 1], with rounding errors."""


@dataclass(frozen=True)
class Scale:
    """The rows of a data set and their bounds."""

    rows: Rows
    bounds: Range | None

    def sample(self) -> Tensor:
        """Return some rows as a classifier receives them (n, numbers)."""
        numbers = max(1, self.rows[0].numel())
        step = max(1, len(self.rows) * numbers // SAMPLE)
        flat = self.rows[:: min(step, max(1, len(self.rows) // FEWEST_ROWS))].flatten(1).to("cpu", torch.float32)
        if self.rows.dtype != torch.uint8 or self.bounds is None:
            return flat
        return flat / 255 * (self.bounds[1] - self.bounds[0]) + self.bounds[0]

    def shown(self) -> str:
        """Return the type, the values and the bounds in words."""
        low, high = (float(value) for value in self.rows.aminmax())
        kind = str(self.rows.dtype).removeprefix("torch.")
        bounds = f"bounds ({self.bounds[0]:g}, {self.bounds[1]:g})" if self.bounds else "no bounds"
        return f"{kind} from {low:g} to {high:g} with {bounds}"


def check_scales(train: Scale, test: Scale) -> None:
    """Check that a training set and a test set have the same scale.

    Raises:
        DataError: their bounds differ; or one has a far wider range than the other, or negative values that the other
            lacks, as if only one of them had been divided by 255 or standardised.
    """
    if not len(train.rows) or not len(test.rows):
        return
    both = train.bounds is not None and test.bounds is not None
    if both and train.bounds != test.bounds:
        advice = "Pass the same bounds= to both."
    elif _differ(train, test, declared=both):
        advice = "Scale both in the same way: divide both by the same number, or standardise both by the training set."
        if not both:
            advice += " If the values are right, give both the same bounds, a range that contains all of them."
    else:
        return
    raise DataError(
        f"Training and test set must have rows of one scale; got {train.shown()} (train) and {test.shown()} (test). "
        f"{advice}"
    )


def _differ(train: Scale, test: Scale, *, declared: bool) -> bool:
    """Return whether the values of two sets clearly have different scales. Bounds of both explain narrow values."""
    samples = train.sample(), test.sample()
    if any(len(rows) < FEWEST_ROWS or rows.numel() < FEWEST_VALUES for rows in samples):
        return False
    if declared:
        return _only_one_fills_bounds(samples, train)
    negative = sorted(float((rows < 0).float().mean()) for rows in samples)
    if negative[0] == 0 and negative[1] >= NEGATIVE:
        return True
    if _ratio(*map(_width, samples)) < TIMES:
        return False
    columns = [rows.amax(0) - rows.amin(0) for rows in samples]
    ratio = torch.maximum(*columns) / torch.minimum(*columns)
    wider = ratio[ratio.isfinite()] >= TIMES_IN_COLUMNS
    return 2 * int(wider.sum()) >= len(wider)


def _only_one_fills_bounds(samples: tuple[Tensor, Tensor], scale: Scale) -> bool:
    """Return whether one set has values within [0, 1], and the other those of much wider bounds."""
    low, high = scale.bounds or (0.0, 1.0)
    small, large = sorted(float(rows.max()) for rows in samples)
    if scale.rows.dtype == torch.uint8:
        small, large, low, high = 255 * (small - low) / (high - low), 255 * (large - low) / (high - low), 0.0, 255.0
    return low == 0 and high >= WIDE and 0 < small <= MOST_OF_FRACTIONS and large >= high / 2


def _width(rows: Tensor) -> float:
    """Return the width of the range of values without outliers, or of all values if nearly all are equal."""
    values = rows.flatten().sort().values
    cut = int(len(values) * USUAL)
    inner = float(values[-1 - cut] - values[cut])
    return inner or float(values[-1] - values[0])


def _ratio(one: float, other: float) -> float:
    """Return the ratio of the wider range to the narrower one; 0 if one of them has no width."""
    return max(one, other) / min(one, other) if min(one, other) > 0 else 0.0
