"""Figures: numbers with a name, a unit and a direction."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from antivenom.charts.titles import title_of
from antivenom.errors import DataError

Unit = Literal["share", "points", "count", "p_value", "seconds", "nats", "yes_no", "none"]
"""The unit of a number. A `share` is in [0, 1] and is shown in percent; `points` is a difference of two shares.

A `yes_no` is 1 for yes and 0 for no; its mean over several repeats is the share of the repeats with yes.
"""

Better = Literal["high", "low"]

SUFFIXES: Mapping[Unit, str] = {"share": " %", "points": " points", "seconds": " s"}
"""The text after a number of each unit."""
SMALLEST_P_VALUE = 0.001
"""Smaller p-values are shown as "< 0.001"."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number that a component or the runner reports.

    A figure contains everything that tables, reports and plots need. No other code has a list of figures' names.

    Args:
        name: lower-case words joined by underscores, such as `mask_precision`.
        value: a finite number, or None if the figure does not apply.
        unit: the unit. It determines intervals, formats and axes.
        better: `high` or `low`, the values that are good for the owner of the model, or None if neither is.
        subject: the layer, class or other subject, if there are several figures with one name; empty for none.
        control: True if it is measured on the control instead of the victim.
        headline: show it in short summaries.
        paired: True if it is the difference of victim and control in one repeat. Its summary has a p-value.

    Raises:
        DataError: the name has other characters, the unit is unknown, or the value is infinite or NaN.

    >>> Figure(name="accuracy", value=0.9, subject="conv_1", control=True).key
    'accuracy.conv_1.control'
    """

    name: str
    value: float | None
    unit: Unit = "share"
    better: Better | None = None
    subject: str = ""
    control: bool = False
    headline: bool = False
    paired: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise DataError(f"A figure's name must be lower-case words joined by underscores; got {self.name!r}.")
        if self.unit not in get_args(Unit):
            raise DataError(f"Figure {self.name}: unit must be one of {', '.join(get_args(Unit))}; got {self.unit!r}.")
        words = f"Figure {self.name}"
        if self.better not in (None, "high", "low"):
            raise DataError(f"{words}: better must be 'high', 'low' or None; got {self.better!r}.")
        if not isinstance(self.subject, str) or {type(self.control), type(self.headline), type(self.paired)} != {bool}:
            raise DataError(f"{words}: subject must be text, and control, headline and paired True or False.")
        if self.value is not None:
            object.__setattr__(self, "value", float(self.value))
            if not math.isfinite(self.value):
                raise DataError(f"Figure {self.name} must be a finite number or None; got {self.value}.")

    @property
    def key(self) -> str:
        """Return the name, the subject and `control`, joined by dots."""
        return ".".join(filter(None, (self.name, self.subject, "control" if self.control else "")))

    @property
    def title(self) -> str:
        """Return the name in words without the subject, such as `mask precision`."""
        return title_of(self.name)


def finite(value: float | None) -> float | None:
    """Return the value unchanged, or None if it is infinite or NaN.

    >>> finite(float("nan")) is None, finite(0.5)
    (True, 0.5)
    """
    return value if value is not None and math.isfinite(value) else None


def pair(
    name: str,
    victim: float | None,
    control: float | None,
    *,
    unit: Unit = "share",
    better: Better | None = None,
    subject: str = "",
    headline: bool = False,
) -> tuple[Figure, Figure]:
    """Return two figures: one of the victim, and the same of the control.

    >>> [figure.key for figure in pair("accuracy", 0.9, 0.95)]
    ['accuracy', 'accuracy.control']
    """
    figure = Figure(name=name, value=victim, unit=unit, better=better, subject=subject, headline=headline)
    return figure, replace(figure, value=control, control=True)


def by_subject(
    name: str,
    values: Mapping[str, float | None],
    *,
    unit: Unit = "share",
    better: Better | None = None,
    control: bool = False,
) -> Iterator[Figure]:
    """Yield one figure for each subject, such as each layer.

    >>> [figure.key for figure in by_subject("cka", {"conv_1": 0.9, "output": 0.8})]
    ['cka.conv_1', 'cka.output']
    """
    for subject, value in values.items():
        yield Figure(name=name, value=value, unit=unit, better=better, subject=subject, control=control)


def worded(value: float | None, unit: Unit, *, signed: bool = True) -> str:
    """Return a value as text, or a dash if it is None. A value that rounds to zero has no sign.

    Args:
        value: the value.
        unit: the unit.
        signed: write a plus sign before points above zero.

    >>> worded(0.9934, "share"), worded(-0.021, "points"), worded(12000, "count"), worded(None, "none")
    ('99.3 %', '-2.1 points', '12,000', '–')
    >>> worded(-0.0001, "points"), worded(0.0123, "p_value"), worded(0.0002575, "p_value")
    ('0.0 points', '0.012', '< 0.001')
    >>> [worded(value, "yes_no") for value in (1.0, 0.0, 2 / 3)]
    ['yes', 'no', '66.7 %']
    """
    if value is None:
        return "–"
    if unit == "yes_no":
        return {0.0: "no", 1.0: "yes"}.get(value) or worded(value, "share")
    if unit == "p_value":
        return f"< {SMALLEST_P_VALUE}" if value < SMALLEST_P_VALUE else f"{value:.2g}"
    if unit in ("share", "points"):
        number = format(100 * value, "+.1f" if unit == "points" and signed else ".1f")
    elif unit == "count":
        number = format(value, ",.0f" if float(value).is_integer() else ",.1f")
    else:
        number = format(value, ".3g" if unit == "seconds" else ".4g")
    if not any(digit in number for digit in "123456789"):
        number = number.lstrip("+-")
    return number + SUFFIXES.get(unit, "")


def worded_p_value(value: float | None) -> str:
    """Return a p-value as text for a sentence.

    >>> worded_p_value(0.0123), worded_p_value(0.0002575), worded_p_value(None)
    ('p = 0.012', 'p < 0.001', 'p = –')
    """
    words = worded(value, "p_value")
    return f"p {words}" if words.startswith("<") else f"p = {words}"


def worded_interval(low: float | None, high: float | None, unit: Unit) -> str:
    """Return an interval as text with the unit once, or an empty string if one of its ends is None.

    If all repeats have the same yes or no, there is no interval either.

    >>> worded_interval(0.85, 0.95, "share"), worded_interval(-0.01, 0.024, "points"), worded_interval(None, 1, "none")
    ('85.0 to 95.0 %', '-1.0 to +2.4 points', '')
    """
    if low is None or high is None or (unit == "yes_no" and low == high):
        return ""
    if unit == "yes_no":
        return worded_interval(low, high, "share")
    return f"{worded(low, unit).removesuffix(SUFFIXES.get(unit, ''))} to {worded(high, unit)}"
