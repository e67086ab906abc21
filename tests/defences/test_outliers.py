"""The arithmetic of the verdict."""

import math

import numpy as np
import pytest
from scipy import stats

from antivenom.defences.outliers import Prior, anomaly_index, p_values, thresholds
from antivenom.rng import Rng


def test_the_anomaly_index_is_the_papers() -> None:
    norms = np.array([90.0, 100, 110, 95, 105, 20])
    deviation = 1.4826 * np.median(np.abs(norms - np.median(norms)))
    assert anomaly_index(norms)[5] == pytest.approx((np.median(norms) - 20) / deviation)
    assert anomaly_index(norms)[2] == 0
    assert anomaly_index(np.array([5.0, 5, 5, 5])).tolist() == [0, 0, 0, 0]
    assert anomaly_index(np.array([5.0, 5, 5, 1])).tolist() == [0, 0, 0, math.inf]
    assert np.isnan(anomaly_index(np.array([5.0, 6, np.nan, 7]))).tolist() == [False, False, True, False]


def test_p_values_are_students_and_keep_their_promise() -> None:
    norms = np.array([90.0, 100, 110, 95, 105, 20])
    logs = np.log(norms)
    others = np.delete(logs, 5)
    t = (logs[5] - others.mean()) / (others.std(ddof=1) * math.sqrt(1 + 1 / 5))
    assert p_values(norms)[5] == pytest.approx(6 * stats.t.cdf(t, 4))
    assert np.isnan(p_values(np.array([1.0, 2, 3]))).all()
    assert np.isnan(p_values(np.array([1.0, np.nan, 3, 4]))).all()
    assert p_values(np.array([5.0, 5, 5, 5, 5])).tolist() == [1.0] * 5
    assert p_values(np.array([5.0, 5, 5, 5, 1]))[4] == 0
    for index, threshold in enumerate(thresholds(norms, 0.05)):
        moved = norms.copy()
        moved[index] = threshold
        assert p_values(moved)[index] == pytest.approx(0.05)
    draws = np.exp(Rng(0).numpy().normal(4, 0.4, (2000, 10)))
    alarms = np.mean([(p_values(row) <= 0.05).any() for row in draws])
    assert alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert alarms > 0.03, "a promise that is kept by never saying anything is no promise"


def test_a_prior_moderates_the_spread() -> None:
    norms = np.array([90.0, 100, 110, 95, 105, 70])
    logs = np.log(norms)
    others = np.delete(logs, 5)
    spread = math.sqrt((10 * 0.35**2 + 4 * others.var(ddof=1)) / 14)
    t = (logs[5] - others.mean()) / (spread * math.sqrt(1 + 1 / 5))
    prior = Prior(spread=0.35, weight=10)
    assert p_values(norms, prior=prior)[5] == pytest.approx(min(1, 6 * stats.t.cdf(t, 14)))
    assert p_values(norms)[5] < 0.05 < p_values(norms, prior=prior)[5], "classes that happen to be alike"
    moved = norms.copy()
    moved[2] = thresholds(norms, 0.05, prior=prior)[2]
    assert p_values(moved, prior=prior)[2] == pytest.approx(0.05)
    draws = np.exp(Rng(1).numpy().normal(4, 0.3, (1000, 10)))
    assert np.mean([(p_values(row, prior=prior) <= 0.05).any() for row in draws]) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("prior", [Prior(), Prior(weight=10)])
def test_the_smallest_of_many_keep_the_promise_too(prior: Prior) -> None:
    draws = np.sort(np.exp(Rng(2).numpy().normal(4, 0.35, (2000, 100))), axis=1)[:, :10]
    found = np.array([p_values(row, 90, prior) for row in draws])
    alarms = (found <= 0.05).any(1).mean()
    assert 0.03 < alarms < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
    assert (found.argmin(1) == 0).all(), "the smallest is the most suspicious"
    assert np.quantile(found.min(1), 0.5) == pytest.approx(0.5, abs=0.05), "its p-value is a p-value"
    planted = draws[0].copy()
    planted[0] = 3.0
    assert p_values(planted, 90, prior)[0] < 0.01
    at = thresholds(draws[0], 0.05, 90, prior)[0]
    assert p_values(np.array([at, *draws[0][1:]]), 90, prior)[0] == pytest.approx(0.05, abs=1e-3)
