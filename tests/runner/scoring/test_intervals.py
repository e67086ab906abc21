"""Statistics over repeats, against scipy and by simulation."""

import numpy as np
import pytest
from scipy import stats

from antivenom.charts import Evidence, Figure, pair
from antivenom.metrics import summary
from antivenom.rng import Rng
from antivenom.runner.scoring.intervals import (
    bootstrap_interval,
    holm,
    paired_p_value,
    too_few_for_bootstrap,
    with_differences,
)
from antivenom.runner.scoring.metrics import summarise
from tests.helpers.small_experiment import experiment

DRAWS = Rng(19).child("tests")


@pytest.mark.parametrize("n", [2, 3, 8, 40])
def test_the_p_value_is_that_of_the_paired_t_test(n):
    victim, control = DRAWS.child("p", n).numpy().normal(size=(2, n))
    expected = stats.ttest_rel(victim, control).pvalue
    assert paired_p_value((victim - control).tolist()) == pytest.approx(expected, rel=1e-9)


def test_p_values_without_spread_or_values():
    assert paired_p_value([0.0, 0.0, 0.0]) == 1.0
    assert paired_p_value([0.1, 0.1, 0.1]) == 0.0
    assert paired_p_value([0.1]) is None
    assert paired_p_value([0.1, None, 0.2]) is None


@pytest.mark.parametrize("n", [5, 12, 50])
def test_the_bootstrap_is_the_bca_of_scipy(n):
    values = DRAWS.child("bca", n).numpy().gamma(2.0, size=n)
    theirs = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=60_000, random_state=DRAWS.child("resample").numpy()
    ).confidence_interval
    ours = bootstrap_interval(values.tolist(), Rng(0))
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.03 * values.std())


def test_the_bootstrap_of_equal_values_and_of_extremes():
    assert bootstrap_interval([0.4, 0.4], Rng(0)) == (0.4, 0.4)
    low, high = bootstrap_interval([0.0, 1.0], Rng(0))
    assert 0 <= low <= high <= 1
    assert bootstrap_interval([0.1, 0.5, 0.2], Rng(3)) == bootstrap_interval([0.1, 0.5, 0.2], Rng(3))


def covered(interval_of, draw, truth, times):
    """The share of intervals that contain the true mean."""
    hits = 0
    for number in range(times):
        low, high = interval_of(draw(DRAWS.child("coverage", number).numpy()))
        hits += low <= truth <= high
    return hits / times


def test_t_covers_at_any_number_of_repeats_and_the_bootstrap_only_with_enough():
    def t(values):
        found = summary(values.tolist(), share=False)
        return found["low"], found["high"]

    def boot(values):
        return bootstrap_interval(values.tolist(), Rng(0))

    assert 0.93 <= covered(t, lambda made: made.normal(size=3), 0.0, 1500) <= 0.97
    assert covered(boot, lambda made: made.normal(size=3), 0.0, 200) < 0.85  # so the doubt is right
    assert 0.90 <= covered(boot, lambda made: made.exponential(size=25), 1.0, 300) <= 0.98


def test_holm_against_its_definition():
    values = DRAWS.child("holm").numpy().uniform(0, 0.1, size=30)
    found = holm(dict(enumerate(values.tolist())))
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for rank, place in enumerate(np.argsort(values)):  # step down until the first that is not rejected
            if values[place] > level / (30 - rank):
                break
            rejected.add(int(place))
        assert {place for place, value in found.items() if value <= level} == rejected
    assert holm({}) == {}
    assert holm({"a": None}) == {"a": None}


def test_holm_keeps_the_family_wise_error_rate():
    draws = DRAWS.child("family").numpy()
    false = sum(min(holm(dict(enumerate(draws.uniform(size=12)))).values()) <= 0.05 for _ in range(2000))
    assert 0.03 <= false / 2000 <= 0.065


def test_differences_are_made_of_headline_pairs_alone():
    figures = [
        *pair("success_rate", 0.9, 0.1, headline=True, better="low"),
        *pair("plain", 0.5, 0.4),
        *pair("p_value", 0.5, 0.4, unit="p_value", headline=True),
        *pair("flagged", 1.0, None, unit="yes_no", headline=True),
        Figure(name="alone", value=3.0, unit="count", headline=True),
    ]
    made = with_differences(Evidence.of("attack", figures)).figures
    new = [key for key in made if key.endswith("_difference")]
    assert new == ["attack.success_rate_difference", "attack.flagged_difference"]
    assert made[new[0]].value == pytest.approx(0.8)
    assert made[new[0]].unit == "points"
    assert made[new[0]].better == "low"
    assert made[new[1]].value is None


def test_a_run_reports_differences_with_intervals_and_p_values():
    result = experiment(repeats=3).run(progress=False)
    entry = result.metrics["attack.success_rate_difference"]
    values = [each.values["attack.success_rate_difference"] for each in result.repeats]
    both = [(each.values["attack.success_rate"], each.values["attack.success_rate.control"]) for each in result.repeats]
    assert values == [victim - control for victim, control in both]
    assert entry["paired"] is True
    assert entry["p_value"] == paired_p_value(values)
    assert entry["low"] <= entry["mean"] <= entry["high"]
    assert result.metrics["attack.success_rate"]["p_value"] is None


def test_the_bootstrap_changes_the_interval_not_the_mean():
    usual, boot = (experiment(repeats=3, interval=method).run(progress=False) for method in ("t", "bootstrap"))
    key = "model.clean_accuracy"
    assert usual.metrics[key]["mean"] == boot.metrics[key]["mean"]
    assert usual.metrics[key]["low"] <= boot.metrics[key]["low"]
    assert any("too narrow" in doubt for doubt in boot.doubts)
    assert not any("too narrow" in doubt for doubt in usual.doubts)
    assert too_few_for_bootstrap(10) == too_few_for_bootstrap(1) == ""


def test_intervals_of_differences_of_shares_stay_within_their_range():
    repeats = [Evidence.of("m", [Figure(name="a", value=value, unit="points")]) for value in (0.99, 0.8)]
    entry = summarise(repeats)["m.a"]
    assert (entry["low"], entry["high"]) == (pytest.approx(-0.312, abs=0.001), 1.0)


def test_bootstrap_intervals_depend_on_the_stream_alone():
    repeats = [Evidence.of("m", [Figure(name="a", value=value)]) for value in (0.1, 0.4, 0.2)]
    first, again, other = (summarise(repeats, interval="bootstrap", rng=Rng(seed))["m.a"] for seed in (0, 0, 1))
    assert first == again
    assert first["mean"] == other["mean"]
