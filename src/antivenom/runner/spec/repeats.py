"""The number of repeats of an experiment, or a rule that adds repeats until an interval is narrow enough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, overload

from antivenom.errors import SettingsError
from antivenom.registry import did_you_mean
from antivenom.settings import AtLeastOne, short
from antivenom.settings.marks import Meaning

KEYS = ("until", "of", "at_most", "at_least")
USUAL_FIGURES = ("attack.success_rate", "model.clean_accuracy", "model.accuracy_drop")
"""Figures that every run has, for a hint about a misspelled key."""
FEWEST_FOR_INTERVAL = 2

Repeats = (
    AtLeastOne
    | Annotated[Mapping[str, Any], Meaning("a mapping such as {until: 0.01, of: attack.success_rate, at_most: 20}")]
)


@dataclass(frozen=True)
class RepeatRule:
    """Adds repeats until the half width of a figure's 95 % interval is small enough.

    Args:
        until: the largest half width, in the unit of the figure: 0.01 is one point of a share.
        of: the key of the figure, such as `attack.success_rate`.
        at_most: the largest number of repeats.
        at_least: the smallest number of repeats, at least 2.
    """

    until: float
    of: str
    at_most: int = 20
    at_least: int = 3


@overload
def rule_of(repeats: int) -> None: ...


@overload
def rule_of(repeats: Mapping[str, Any]) -> RepeatRule: ...


def rule_of(repeats: int | Mapping[str, Any]) -> RepeatRule | None:
    """Return the rule that a mapping describes, or None for a number.

    Raises:
        SettingsError: the mapping has problems; the error lists all of them.

    >>> rule_of({"until": 0.01, "of": "attack.success_rate"}).at_most
    20
    >>> rule_of(5) is None
    True
    """
    if not isinstance(repeats, Mapping):
        return None
    if problems := list(_problems(repeats)):
        raise SettingsError(problems)
    return RepeatRule(**repeats)


def _problems(given: Mapping[str, Any]) -> Iterator[str]:
    for key in given:
        if key not in KEYS:
            yield f"repeats.{key} is not a setting.{did_you_mean(key, KEYS)} Use: {', '.join(KEYS)}."
    until, of = given.get("until"), given.get("of")
    if isinstance(until, bool) or not isinstance(until, int | float) or not until > 0:
        yield f"repeats.until must be a number above 0; got {short(until)}."
    if not isinstance(of, str) or "." not in of:
        hint = did_you_mean(of, USUAL_FIGURES) if isinstance(of, str) else ""
        yield f"repeats.of must be the key of a figure, such as attack.success_rate; got {short(of)}.{hint}"
    counts = {"at_most": RepeatRule.at_most, "at_least": RepeatRule.at_least}
    for key, usual in counts.items():
        value = given.get(key, usual)
        if type(value) is not int or value < FEWEST_FOR_INTERVAL:
            yield f"repeats.{key} must be a whole number at least {FEWEST_FOR_INTERVAL}; got {short(value)}."
            return
        counts[key] = value
    if counts["at_least"] > counts["at_most"]:
        yield f"repeats.at_least must be at most repeats.at_most ({counts['at_most']}); got {counts['at_least']}."
