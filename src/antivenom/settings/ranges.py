"""The usual ranges of rows, and the conversion of rows from one range to another, in words."""

import math

Range = tuple[float, float]

USUAL_RANGES: tuple[Range, ...] = ((0, 1), (-1, 1), (0, 255))
"""The usual ranges of rows, the narrowest first."""


CLOSE = 1e-12
"""Offsets below this are 0."""


def usual_range(low: float, high: float) -> Range | None:
    """Return the narrowest usual range that contains the values; None if there is none.

    >>> usual_range(0, 209), usual_range(-0.5, 1), usual_range(-3, 4)
    ((0, 255), (-1, 1), None)
    """
    return next((one for one in USUAL_RANGES if one[0] <= low <= high <= one[1]), None)


def likely_range(low: float, high: float) -> Range:
    """Return a usual range that contains the values, or the whole numbers around them.

    >>> likely_range(0, 209), likely_range(-2.5, 3.5)
    ((0, 255), (-3, 4))
    """
    return usual_range(low, high) or (math.floor(low), math.ceil(high))


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


def range_advice(rows: Range | None, wanted: Range) -> str:
    """Return advice about rows in another range than a model takes: to convert the rows, or the model.

    Args:
        rows: the range of the rows; None if it is not known.
        wanted: the range that the model takes.

    >>> range_advice((0, 255), (0, 1))
    'Divide the rows by 255. If the model was trained on rows in [0, 1] and you want to keep your rows: ...
    """
    if rows is None or rows == wanted:
        return (
            "Scale the rows as in the training of the model. Only if it was trained on rows in another range, convert "
            "it with that range: as_classifier(model, bounds=...), bounds=None for any range."
        )
    mean, std = offset_and_scale(rows, wanted)
    bounds = f"bounds=({rows[0]:g}, {rows[1]:g})"
    own = "" if abs(mean) > CLOSE else f", or its own mean and std times {std:g}"
    return (
        f"{conversion(rows, wanted, 'the rows')}. If the model was trained on rows in [{wanted[0]:g}, {wanted[1]:g}] "
        f"and you want to keep your rows: as_classifier(model, {bounds}, mean={mean:g}, std={std:g}){own}. Only if it "
        f"was trained on rows in [{rows[0]:g}, {rows[1]:g}]: {bounds}."
    )
