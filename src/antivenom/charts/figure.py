"""Figures: numbers that say their own name, unit and direction."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from antivenom.charts.titles import title_of
from antivenom.errors import DataError

Unit = Literal["share", "points", "count", "p_value", "seconds", "nats", "none"]
"""What a number counts. A `share` lies in [0, 1] and is shown in percent; `points` is a difference of two shares."""

Better = Literal["high", "low"]

SUFFIXES: Mapping[Unit, str] = {"share": " %", "points": " points", "seconds": " s"}
"""What stands behind a number of a unit."""
SMALLEST_P_VALUE = 0.001
"""A smaller p-value is not written out."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number that a component or the runner reports.

    A figure says everything that a table, a report or a plot needs to know about it. Nobody else keeps a list of names.

    Args:
        name: lower-case words joined by underscores: `mask_precision`.
        value: a finite number; None where the figure does not apply.
        unit: what it counts; intervals, formats and axes follow from it.
        better: whether a high or a low value is good for the model's owner; None where neither is.
        subject: what one of many figures of the same name is about, such as a layer or a class; empty for none.
        control: whether it is measured on the control instead of the victim.
        headline: whether it belongs into a short summary.

    Raises:
        DataError: the name has other characters, or the value is infinite or NaN.

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

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise DataError(f"A figure's name must be lower-case words joined by underscores; got {self.name!r}.")
        if self.unit not in get_args(Unit):
            raise DataError(f"Figure {self.name}: unit must be one of {', '.join(get_args(Unit))}; got {self.unit!r}.")
        if self.value is not None:
            object.__setattr__(self, "value", float(self.value))
            if not math.isfinite(self.value):
                raise DataError(f"Figure {self.name} must be a finite number or None; got {self.value}.")

    @property
    def key(self) -> str:
        """Its name, its subject and `control`, joined by dots."""
        return ".".join(filter(None, (self.name, self.subject, "control" if self.control else "")))

    @property
    def title(self) -> str:
        """Its name in words, without the subject: `mask precision`."""
        return title_of(self.name)


def finite(value: float | None) -> float | None:
    """The value itself; None where it is infinite or NaN.

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
    """The same figure of the victim and of the control.

    >>> [figure.key for figure in pair("accuracy", 0.9, 0.95)]
    ['accuracy', 'accuracy.control']
    """
    made = Figure(name=name, value=victim, unit=unit, better=better, subject=subject, headline=headline)
    twin = Figure(name=name, value=control, unit=unit, better=better, subject=subject, headline=headline, control=True)
    return made, twin


def by_subject(
    name: str,
    values: Mapping[str, float | None],
    *,
    unit: Unit = "share",
    better: Better | None = None,
    control: bool = False,
) -> Iterator[Figure]:
    """One figure for each subject, such as each layer.

    >>> [figure.key for figure in by_subject("cka", {"conv_1": 0.9, "output": 0.8})]
    ['cka.conv_1', 'cka.output']
    """
    for subject, value in values.items():
        yield Figure(name=name, value=value, unit=unit, better=better, subject=subject, control=control)


def worded(value: float | None, unit: Unit, *, signed: bool = True) -> str:
    """A value as a reader sees it; a dash where it does not apply. What rounds to zero has no sign.

    Args:
        value: the value.
        unit: what it counts.
        signed: whether points above zero have a plus sign.

    >>> worded(0.9934, "share"), worded(-0.021, "points"), worded(12000, "count"), worded(None, "none")
    ('99.3 %', '-2.1 points', '12,000', '–')
    >>> worded(-0.0001, "points"), worded(0.0123, "p_value"), worded(0.0002575, "p_value")
    ('0.0 points', '0.012', '< 0.001')
    """
    if value is None:
        return "–"
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
    """A p-value in a sentence.

    >>> worded_p_value(0.0123), worded_p_value(0.0002575), worded_p_value(None)
    ('p = 0.012', 'p < 0.001', 'p = –')
    """
    words = worded(value, "p_value")
    return f"p {words}" if words.startswith("<") else f"p = {words}"


def worded_interval(low: float | None, high: float | None, unit: Unit) -> str:
    """The two ends of an interval as a reader sees them, the unit once; empty where an end is missing.

    >>> worded_interval(0.85, 0.95, "share"), worded_interval(-0.01, 0.024, "points"), worded_interval(None, 1, "none")
    ('85.0 to 95.0 %', '-1.0 to +2.4 points', '')
    """
    if low is None or high is None:
        return ""
    return f"{worded(low, unit).removesuffix(SUFFIXES.get(unit, ''))} to {worded(high, unit)}"
