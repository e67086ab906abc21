"""The trial of a component on toy data. The component's file declares it, and the conformance checks read it.

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
    """The settings for a trial of a component on toy data, and the checks that it cannot pass.

    A component declares it as a class attribute `trial`. Settings have the same form as in a spec. A component does not
    declare a trial if its defaults work on toy data.

    Args:
        settings: settings that replace the defaults for a trial.
        quick: settings that replace `settings` for a fast trial, which checks that it works, not how well.
        waive: the names of checks to skip, each with a reason.

    Raises:
        SettingsError: a waived check has no reason.

    >>> Trial(settings={"steps": 50}, quick={"steps": 2}).settings_for(quick=True)
    {'steps': 2}
    >>> Trial(waive={"attack_has_an_effect": ""})
    Traceback (most recent call last):
        ...
    antivenom.errors.SettingsError: Trial.waive['attack_has_an_effect'] must be a reason, in words; got ''.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    waive: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [
            f"Trial.waive[{name!r}] must be a reason, in words; got {reason!r}."
            for name, reason in self.waive.items()
            if not reason.strip()
        ]
        if problems:
            raise SettingsError(problems)

    def settings_for(self, *, quick: bool = False) -> dict[str, Any]:
        """Return the settings of a trial, or of a quick trial."""
        return {**self.settings, **(self.quick if quick else {})}


def trial_of(cls: type[Any]) -> Trial:
    """Return the trial that a component declares, or an empty one. A subclass does not inherit it.

    Raises:
        TypeError: `trial` is not a `Trial`.
    """
    if "trial" not in vars(cls):
        return Trial()
    declared = vars(cls)["trial"]
    if not isinstance(declared, Trial):
        raise TypeError(f"{cls.__name__}.trial must be a Trial; got {declared!r}.")
    return declared
