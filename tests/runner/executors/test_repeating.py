"""Repeats: a number, or a rule that adds them until an interval is narrow enough."""

import math
from dataclasses import dataclass

import pytest

from antivenom.charts import Evidence, Figure
from antivenom.errors import SettingsError
from antivenom.rng import Rng
from antivenom.runner import Store, load_spec
from antivenom.runner.events import Finished, Planned
from antivenom.runner.executors.repeating import run_repeats
from antivenom.runner.progress import format_plan
from tests.helpers.small_experiment import DIGITS, experiment

SPEC = {**DIGITS, "attack": {"name": "badnets", "target": 7}, "train_rows": 200}


@dataclass(frozen=True)
class Measured:
    evidence: Evidence


def measuring(values, unit="share"):
    """A function that measures these values, one for each repeat."""
    return lambda number: Measured(Evidence.of("attack", [Figure(name="rate", value=values[number], unit=unit)]))


def ruled(**rule):
    return experiment(repeats={"until": 0.02, "of": "attack.rate", **rule})


def test_a_number_of_repeats_stays_a_number():
    measured, stopped = run_repeats(experiment(repeats=4), measuring([0.1] * 9))
    assert (len(measured), stopped) == (4, None)


def test_repeats_are_added_until_the_interval_is_narrow():
    values = [0.50, 0.56, 0.53, 0.52, 0.54, 0.53, 0.53, 0.52, 0.54, 0.53]
    measured, stopped = run_repeats(ruled(), measuring(values))
    assert stopped.reached
    assert 3 < len(measured) == stopped.repeats < 10
    assert stopped.half_width <= 0.02
    assert run_repeats(ruled(at_most=len(measured) - 1), measuring(values))[1].half_width > 0.02
    assert stopped.sentence.startswith(f"{len(measured)} repeats were needed")
    assert stopped.doubts == ()


def test_at_least_and_at_most_are_kept():
    assert len(run_repeats(ruled(), measuring([0.5] * 9))[0]) == 3
    assert len(run_repeats(ruled(at_least=5), measuring([0.5] * 9))[0]) == 5
    measured, stopped = run_repeats(ruled(at_most=4), measuring([0.0, 1.0] * 5))
    assert (len(measured), stopped.reached, stopped.sentence) == (4, False, "")
    assert "After 4 repeats, repeats.at_most is reached" in stopped.doubts[0]


def test_a_figure_without_a_value_ends_the_repeats():
    measured, stopped = run_repeats(ruled(), measuring([0.5, None, 0.5, 0.5]))
    assert len(measured) == 3
    assert "has no value in some repeat" in stopped.doubts[0]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"until": 0}, "repeats.until must be a number above 0; got 0."),
        ({"of": "attack_success_rate"}, "got 'attack_success_rate'. Did you mean 'attack.success_rate'?"),
        ({"at_most": 1}, "repeats.at_most must be a whole number at least 2; got 1."),
        ({"at_least": 9, "at_most": 4}, "repeats.at_least must be at most repeats.at_most (4); got 9."),
        ({"untill": 1}, "repeats.untill is not a setting. Did you mean 'until'?"),
    ],
)
def test_a_wrong_rule_is_refused_before_anything_runs(rule, words):
    with pytest.raises(SettingsError) as error:
        load_spec({**SPEC, "repeats": {"until": 0.1, "of": "attack.success_rate", **rule}})
    assert words in str(error.value)


@pytest.mark.parametrize("repeats", [0, -1, 1.5, "3", [1]])
def test_other_values_are_refused(repeats):
    with pytest.raises(SettingsError, match="repeats must be a whole number at least 1"):
        load_spec({**SPEC, "repeats": repeats})


def test_an_unknown_figure_is_refused_after_the_first_repeat():
    made = load_spec({**SPEC, "repeats": {"until": 0.1, "of": "attack.sucess_rate"}})
    with pytest.raises(SettingsError, match=r"Did you mean 'attack.success_rate'\?"):
        made.run(progress=False)


def test_a_run_says_how_many_repeats_it_needed_and_reuses_stored_ones(tmp_path):
    store, heard = Store(tmp_path / "store"), []
    load_spec({**SPEC, "repeats": 3}).run(store=store, progress=False)
    made = load_spec({**SPEC, "repeats": {"until": 0.02, "of": "attack.success_rate", "at_most": 4}})
    result = made.run(store=store, out=tmp_path / "run", progress=False, on_event=heard.append)
    fits = [event for event in heard if isinstance(event, Finished) and event.stage.startswith("fit")]
    assert {event.repeat for event in fits if event.stored} == {0, 1, 2}
    about = result.about["repeats"]
    assert about["repeats"] == len(result.repeats) == result.metrics["attack.success_rate"]["n"]
    entry = result.metrics["attack.success_rate"]
    assert about["half_width"] == (entry["high"] - entry["low"]) / 2
    assert ("repeats were needed" in result.headline) is about["reached"]
    assert any("repeats.at_most is reached" in doubt for doubt in result.doubts) is not about["reached"]
    plan = next(event for event in heard if isinstance(event, Planned))
    assert format_plan(plan)[-1] == "At most 8 trainings: 4 victims and 4 controls."
    assert load_spec(tmp_path / "run" / "spec.yaml") == made


def test_stopping_by_the_width_keeps_the_coverage_approximately():
    rule, hits, times = ruled(until=0.02, at_least=3, at_most=60), 0, 400
    for number in range(times):
        values = Rng(5).child(number).numpy().normal(0.5, 0.03, size=60).tolist()
        measured, stopped = run_repeats(rule, measuring(values))
        mean = math.fsum(values[: len(measured)]) / len(measured)
        hits += abs(mean - 0.5) <= stopped.half_width
    assert 0.87 <= hits / times <= 0.96  # 0.95 with a number of repeats that is fixed before
