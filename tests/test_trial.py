"""How a component says the way it is tried."""

import pytest

from antivenom.errors import SettingsError
from antivenom.trial import Trial, trial_of


class Declared:
    trial = Trial(settings={"steps": 50, "rate": 0.1}, quick={"steps": 2})


class Inherited(Declared):
    pass


class Wrong:
    trial = {"steps": 2}  # noqa: RUF012


def test_quick_settings_come_on_top() -> None:
    assert Declared.trial.settings_for() == {"steps": 50, "rate": 0.1}
    assert Declared.trial.settings_for(quick=True) == {"steps": 2, "rate": 0.1}


def test_a_trial_is_the_classs_own() -> None:
    assert trial_of(Declared) is Declared.trial
    assert trial_of(Inherited) == Trial(), "a waiver holds for the class that declares it, not for its heirs"
    with pytest.raises(TypeError, match=r"Wrong\.trial must be a Trial"):
        trial_of(Wrong)


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_waiver_has_a_reason(reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Trial(waive={"a": reason, "b": "a good one", "c": reason})
    assert len(caught.value.problems) == 2
