"""How a component is tried on toy data: it stands in the component's own file, and the conformance checks read it.

@component
class Slow:
trial = Trial(settings={"steps": 50}, quick={"steps": 2}, waive={"attack_has_an_effect": "the reason"})
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from antivenom.errors import SettingsError


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The settings with which a component is tried on toys, and the checks that it cannot pass.

    A component declares one as a class attribute `trial`. Settings are written as a spec writes them. One with no
    required settings, whose defaults suit toys, declares none.

    Args:
        settings: what it needs beside its defaults to be tried.
        quick: what makes a trial cheaper, on top of `settings`: whether it works is asked, not how well.
        waive: checks to leave out, by name, each with the reason.

    Raises:
        SettingsError: a waiver without a reason.

    >>> Trial(settings={"steps": 50}, quick={"steps": 2}).settings_for(quick=True)
    {'steps': 2}
    >>> Trial(waive={"attack_has_an_effect": ""})
    Traceback (most recent call last):
        ...
    antivenom.errors.SettingsError: Trial.waive['attack_has_an_effect'] must be the reason, in words; got ''.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    waive: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [
            f"Trial.waive[{name!r}] must be the reason, in words; got {reason!r}."
            for name, reason in self.waive.items()
            if not reason.strip()
        ]
        if problems:
            raise SettingsError(problems)

    def settings_for(self, *, quick: bool = False) -> dict[str, Any]:
        """The settings of a trial, or of a quick one."""
        return {**self.settings, **(self.quick if quick else {})}


def trial_of(cls: type[Any]) -> Trial:
    """The trial that a component declares; an empty one where it declares none. A subclass does not inherit it.

    Raises:
        TypeError: `trial` is not a `Trial`.
    """
    if "trial" not in vars(cls):
        return Trial()
    declared = vars(cls)["trial"]
    if not isinstance(declared, Trial):
        raise TypeError(f"{cls.__name__}.trial must be a Trial; got {declared!r}.")
    return declared
