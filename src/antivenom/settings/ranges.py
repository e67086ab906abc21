"""The usual ranges of rows, and the conversion of rows from one range to another, in words."""

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

Range = tuple[float, float]

NARROW: tuple[Range, ...] = ((0, 1), (-1, 1))
"""The usual ranges of fractions, the narrower first."""

CLOSE = 1e-12
"""Offsets below this are 0."""


BITS = (8, 16)
"""The usual numbers of bits of whole numbers from 0, such as pixels."""


def range_of(value: Any) -> Range | None:
    """Return two finite numbers, the smaller one first, as a range; None if the value is anything else.

    >>> range_of([0, 255]), range_of(255), range_of((1, 0)), range_of("01")
    ((0.0, 255.0), None, None, None)
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return None
    try:
        pair = list(value)
    except TypeError:  # an array without axes
        return None
    if len(pair) != 2 or not all(isinstance(each, Real) for each in pair):
        return None
    low, high = map(float, pair)
    return (low, high) if -math.inf < low < high < math.inf else None


def wrong_range(value: Any) -> str:
    """Return the message about bounds that are not a range.

    >>> wrong_range(255)
    'bounds must be two finite numbers (low, high) with low < high; got 255. Did you mean (0, 255)?'
    """
    single = isinstance(value, Real) and 0 < float(value) < math.inf
    advice = f" Did you mean (0, {float(value):g})?" if single else " An example is (0, 255)."
    return f"bounds must be two finite numbers (low, high) with low < high; got {value!r}.{advice}"


def usual_range(low: float, high: float) -> Range | None:
    """Return the narrowest usual range that the values fill; None if there is none.

    Values up to 127 do not fill the range from 0 to 255, which has 8 bits.

    >>> usual_range(0, 209), usual_range(-0.5, 1), usual_range(0, 16), usual_range(0, 60000), usual_range(-3, 4)
    ((0, 255), (-1, 1), None, (0, 65535), None)
    """
    narrow = next((one for one in NARROW if one[0] <= low <= high <= one[1]), None)
    filled = ((0, 2**bits - 1) for bits in BITS if low >= 0 and 2 ** (bits - 1) <= high < 2**bits)
    return narrow or next(filled, None)


def possible_range(low: float, high: float) -> Range | None:
    """Return the range from 0 to the largest value if it can be the largest possible value: a whole number.

    >>> possible_range(0, 16), possible_range(0, 16.5), possible_range(-3, 4)
    ((0, 16), None, None)
    """
    return (0, high) if low >= 0 and high > 0 and high == math.floor(high) else None


def likely_range(low: float, high: float) -> Range:
    """Return a usual range that the values fill, or the whole numbers around them, from 0 if none is negative.

    >>> likely_range(0, 209), likely_range(3, 16), likely_range(-2.5, 3.5)
    ((0, 255), (0, 16), (-3, 4))
    """
    return usual_range(low, high) or (min(0, math.floor(low)), math.ceil(high))


def offset_and_scale(rows: Range, wanted: Range) -> Range:
    """Return the numbers (mean, std) for which (x - mean) / std brings rows from their range to another one.

    >>> offset_and_scale((0, 255), (0, 1)), offset_and_scale((0, 1), (-1, 1))
    ((0.0, 255.0), (0.5, 0.5))
    """
    std = (rows[1] - rows[0]) / (wanted[1] - wanted[0])
    return rows[0] - wanted[0] * std, std


def conversion(rows: Range, wanted: Range, subject: str) -> str:
    """Return the beginning of a sentence that says how to bring rows from their range to another one.

    >>> conversion((0, 255), (0, 1), "x"), conversion((0, 1), (0, 255), "x"), conversion((0, 1), (-1, 1), "x")
    ('Divide x by 255', 'Multiply x by 255', 'Subtract 0.5 from x and divide by 0.5')
    """
    mean, std = offset_and_scale(rows, wanted)
    if abs(mean) > CLOSE:
        return f"Subtract {mean:g} from {subject} and divide by {std:g}"
    return f"Divide {subject} by {std:g}" if std > 1 else f"Multiply {subject} by {1 / std:g}"


def range_advice(rows: Range | None, wanted: Range, *, possible: Range | None = None, normalises: bool = True) -> str:
    """Return advice about rows in another range than a model takes: to convert the rows, or the model.

    Args:
        rows: the range of the rows; None if it is not known.
        wanted: the range that the model takes.
        possible: without `rows`, a range from 0 to the largest value, if that can be the largest possible one.
        normalises: whether `as_classifier` takes `mean` and `std` for the model. Estimators scale their rows in a
            `Pipeline`.

    >>> range_advice((0, 255), (0, 1))
    'Divide the rows by 255. If the model was trained on rows in [0, 1] and you want to keep your rows: ...
    >>> range_advice(None, (0, 1), possible=(0, 16))
    'If 16 is the largest possible value, divide the rows by 16. If the model was trained on rows in [0, 1] and ...
    """
    known = rows or possible
    if known is None or known == wanted:
        return (
            "Scale the rows as in the training of the model. Only if it was trained on rows in another range, convert "
            "it with that range: as_classifier(model, bounds=...), bounds=None for any range."
        )
    mean, std = offset_and_scale(known, wanted)
    bounds = f"bounds=({known[0]:g}, {known[1]:g})"
    own = "" if abs(mean) > CLOSE else f", or its own mean and std times {std:g}"
    first = conversion(known, wanted, "the rows")
    if rows is None:
        first = f"If {known[1]:g} is the largest possible value, {first[0].lower()}{first[1:]}"
    if not normalises:
        return (
            f"{first}. To keep your rows, scale them inside the model: for an estimator, by a first step of a "
            f"Pipeline that is fitted with it, such as make_pipeline(MinMaxScaler(), estimator). Only if it was "
            f"fitted on rows in [{known[0]:g}, {known[1]:g}]: as_classifier(model, {bounds})."
        )
    return (
        f"{first}. If the model was trained on rows in [{wanted[0]:g}, {wanted[1]:g}] "
        f"and you want to keep your rows: as_classifier(model, {bounds}, mean={mean:g}, std={std:g}){own}. Only if it "
        f"was trained on rows in [{known[0]:g}, {known[1]:g}]: {bounds}."
    )
