"""The search for a dose, on curves that are known."""

import math

import pytest

from antivenom.metrics import summary
from antivenom.rng import Rng
from antivenom.runner.scoring.dose_search import DosePoint, DoseSearch, Question, crossing, turns

ASKED = {"level": 0.5, "rising": True, "smallest": 1.0, "low": 4.0, "high": 4096.0, "whole": True}


def curve(dose, middle, steepness=2.0):
    return 1 / (1 + (middle / dose) ** steepness) if dose else 0.0


def searched(middle, noise=0.02, seed=0, repeats=3, falls=False, value=None, **changes):
    """A search on a logistic curve whose middle differs a little between seeds."""

    def measure(dose):
        draws = Rng(seed).child("repeat").numpy()
        shifts, errors = draws.normal(0, 0.1, size=repeats), Rng(seed).child(dose).numpy().normal(0, noise, repeats)
        true = [curve(dose, middle * math.exp(shift)) if value is None else value(dose) for shift in shifts]
        values = tuple(min(1.0, max(0.0, each + error)) for each, error in zip(true, errors, strict=True))
        values = tuple(1 - each for each in values) if falls else values
        found = summary(values)
        ends = {"mean": found["mean"], "low": found["low"], "high": found["high"]}
        return DosePoint(dose=dose, rate=dose / 10_000, rows=dose, values=values, **ends)

    search = DoseSearch(Question(**{**ASKED, "rising": not falls, **changes}), measure)
    return search, search.run()


@pytest.mark.parametrize("falls", [False, True])
@pytest.mark.parametrize("middle", [2.5, 40, 700])
def test_a_curve_without_noise_is_found_exactly(middle, falls):
    def exact(dose):
        return curve(dose, middle)

    search, points = searched(middle, noise=0, value=exact, falls=falls)
    found = crossing(points, search.question)
    assert found.dose == pytest.approx(middle, rel=0.06)
    assert found.low <= found.dose <= found.high
    assert len(points) <= 12


def test_the_interval_contains_the_dose_as_often_as_promised():
    hits, doses = 0, 0
    for seed in range(150):
        search, points = searched(60, noise=0.03, seed=seed)
        found = crossing(points, search.question)
        hits += (found.low or 0) <= 60 <= (found.high or math.inf)
        doses += len(points)
    assert hits / 150 >= 0.9
    assert doses / 150 <= 14


def test_a_level_that_is_never_reached_and_one_that_always_is():
    search, points = searched(10, value=lambda dose: 0.2)
    assert crossing(points, search.question).dose is None
    assert points[-1].dose == 4096
    search, points = searched(10, value=lambda dose: 0.9)
    assert points[0].dose == 1
    assert crossing(points, search.question).dose == 1


def test_doses_are_whole_and_measured_once_and_within_the_bounds():
    for middle in (1.2, 6, 3000):
        search, points = searched(middle, seed=3)
        assert all(point.dose == int(point.dose) and 1 <= point.dose <= 4096 for point in points)
        assert len(points) <= search.question.most_doses


def test_a_search_with_one_repeat_has_no_interval():
    search, points = searched(60, repeats=1)
    found = crossing(points, search.question)
    assert (found.low, found.high) == (None, None)
    assert 30 < found.dose < 120


def test_a_curve_that_clearly_turns_is_noticed():
    def hill(dose):
        return 0.9 if 20 < dose < 100 else 0.1

    search, _ = searched(10, noise=0.001, value=hill)
    for dose in (30, 1000):
        search.at(dose)
    first, second = turns(search.points, rising=True)
    assert first.mean > second.mean
    assert turns(searched(60)[1], rising=True) is None
