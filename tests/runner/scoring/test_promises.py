"""A doubt about a rate of false positives that is far above the promise."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from antivenom.metrics import share_above, threshold_for
from antivenom.runner.scoring.promises import Promise, broken_promises, chance_of, spread_of
from antivenom.settings import component
from tests.helpers.small_experiment import experiment

PROMISE = Promise("filter.mine", 0.05, 99, 1000)


def found(mean: float | None, low: float | None, promise: Promise = PROMISE) -> list[str]:
    return list(
        broken_promises([promise], {f"{promise.key}.fpr": {"mean": mean, "low": low, "n": 1 if low is None else 3}})
    )


def test_a_rate_far_above_the_promise_raises_a_doubt() -> None:
    (doubt,) = found(0.2, None)
    assert doubt.startswith("mine rejects 20.0 % of the clean inputs, far above the promised 5.0 %.")
    (doubt,) = found(0.2, 0.06, Promise("detector.mine", 0.05, 99, 1000))
    assert doubt.startswith("mine flags 20.0 % of the clean rows, far above the promised 5.0 %.")


@pytest.mark.parametrize(("mean", "low"), [(0.06, 0.059), (0.05, None), (0.08, None), (0.2, 0.04), (None, None)])
def test_a_rate_within_chance_raises_none(mean: float | None, low: float | None) -> None:
    assert found(mean, low) == []


def test_few_rows_that_set_a_threshold_allow_a_higher_rate() -> None:
    assert found(0.15, None, Promise("filter.mine", 0.05, 19, 1000)) == []
    assert found(0.15, None, Promise("filter.mine", 0.05, 999, 1000))
    assert found(0.0, None, Promise("filter.mine", 0.05, 5, 1000)) == [], "it has no threshold"


def test_the_chance_is_that_of_rows_like_those_that_set_the_threshold() -> None:
    random = torch.Generator().manual_seed(0)
    scores = torch.rand(4000, 99 + 200, generator=random)
    rates = [share_above(row[99:], threshold_for(row[:99], 0.05)) for row in scores]
    for count in (5, 10, 20):
        measured = np.mean([rate >= count / 200 for rate in rates])
        assert abs(measured - chance_of(count, 200, 5, 95)) < 0.03


def test_thespread_of_is_that_of_rows_like_those_that_set_the_threshold() -> None:
    random = torch.Generator().manual_seed(1)
    scores = torch.rand(4000, 99 + 200, generator=random)
    rates = [share_above(row[99:], threshold_for(row[:99], 0.05)) for row in scores]
    assert abs(np.std(rates) - spread_of(200, 5, 95)) < 0.001


@component
class CountsRows:
    """A score that is higher in a larger call, so that the threshold does not fit the test rows."""

    false_rejection_rate: float = 0.2

    def suspicion(self, x: Tensor, classifier: Any, *, rng: Any, clean: Any) -> Tensor:
        return x.flatten(1).mean(1) + len(x)


def test_a_run_has_the_doubt() -> None:
    result = experiment(defences=(CountsRows(),)).run(progress=False)
    assert any("CountsRows rejects 100.0 % of the clean inputs, far above" in doubt for doubt in result.doubts)
