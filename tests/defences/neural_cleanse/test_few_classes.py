"""Networks of two and three classes: a backdoor is found, or the repair says that it did nothing."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from antivenom import load
from antivenom.attacks import BadNets
from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse, Verdict
from antivenom.defences.outliers import Prior, p_values
from antivenom.errors import CapabilityError, DataError
from antivenom.models import CNN
from antivenom.repairs import Filtering, FineTuning, Pruning, Sequential, Unlearning
from antivenom.rng import Rng
from antivenom.training import EndToEnd
from antivenom.triggers import Patch

DIGITS = load("digits")


def only(data: Dataset, count: int) -> Dataset:
    """Return the rows of the first classes."""
    return replace(data.subset(data.y < count), classes=data.classes[:count])


@cache
def scanned(count: int, target: int | None) -> tuple[Any, Any, Verdict]:
    """Return a network of `count` classes, the goal of its backdoor, and the verdict of a scan."""
    train, goal = only(DIGITS.train, count), None
    if target is not None:
        poisoned = BadNets(target=target, trigger=Patch(size=2)).poison(train, rng=Rng(0))
        train, goal = poisoned.data, poisoned.goal
    blank = CNN(filters=(8,), hidden=(32,)).build(input_shape=(1, 8, 8), classes=count, bounds=(0.0, 1.0), rng=Rng(0))
    network = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32).fit(blank, train, rng=Rng(0))
    return network, goal, NeuralCleanse(steps=250).scan(network, only(DIGITS.test, count), rng=Rng(0))


@pytest.mark.parametrize(("count", "target"), [(2, 1), (2, 0), (3, 2)])
def test_a_backdoor_is_found_or_the_repair_refuses(count: int, target: int) -> None:
    network, goal, verdict = scanned(count, target)
    test = only(DIGITS.test, count)
    assert goal.success(network, test) > 0.9
    if verdict.is_suspicious:
        assert verdict.suspected == (target,)
        repaired = Unlearning(epochs=20).repair(network, test, rng=Rng(0), verdict=verdict)
        assert goal.success(repaired, test) < 0.5
        return
    assert verdict.inconclusive.all()
    for repair in (Unlearning(), Pruning(), Filtering(), Sequential()):
        with pytest.raises(CapabilityError, match=r"inconclusive about class.*nothing was repaired"):
            repair.repair(network, test, rng=Rng(0), verdict=verdict)


@pytest.mark.parametrize("count", [2, 3])
def test_few_classes_without_an_outlier_are_inconclusive_and_not_cleared(count: int) -> None:
    network, _, verdict = scanned(count, None)
    assert not verdict.is_suspicious
    assert verdict.inconclusive.all()
    assert verdict.smallest_p_value is None
    assert verdict.summary() == "inconclusive: the scan could not decide about any class"
    assert any("fewer than four classes" in each for each in verdict.untested)
    test = only(DIGITS.test, count)
    with pytest.raises(CapabilityError, match="inconclusive about class"):
        Unlearning().repair(network, test, rng=Rng(0), verdict=verdict)
    with pytest.raises(CapabilityError, match="With fewer than four classes this scan rarely decides"):
        Unlearning().repair(network, test, rng=Rng(0), verdict=verdict)
    assert FineTuning(epochs=1).repair(network, test, rng=Rng(0), verdict=verdict) is not network


def test_two_and_three_norms_are_compared_by_the_expected_spread() -> None:
    prior = Prior(spread=0.35, weight=10)
    for norms in ([10.0, 1.5], [10.0, 12.0, 1.5]):
        p = p_values(np.array(norms), prior=prior)
        assert p.argmin() == len(norms) - 1
        assert p.min() < 0.05
        assert np.isnan(p_values(np.array(norms))).all(), "without an expected spread there is nothing to compare with"
    assert np.isnan(p_values(np.array([1.0]), prior=prior)).all()
    draws = np.exp(Rng(3).numpy().normal(4, 0.35, (2000, 2)))
    assert np.mean([(p_values(row, prior=prior) <= 0.05).any() for row in draws]) < 0.06


@pytest.mark.parametrize("flags", [(), (2,)])
def test_a_repair_without_a_flagged_class_says_so(flags: tuple[int, ...]) -> None:
    """A conclusive verdict without a flagged class: an unchanged copy that says that it is unchanged."""
    network, _, verdict = scanned(3, None)
    known = torch.tensor([0.9, 0.8, 1.0], dtype=torch.float64)
    unsure = torch.tensor([each in flags for each in range(3)])
    calm = replace(verdict, inconclusive=unsure, p_value=known.masked_fill(unsure, torch.nan))
    test = only(DIGITS.test, 3)
    for repair in (Unlearning(), Pruning(), Filtering()):
        if flags:
            with pytest.raises(CapabilityError, match="inconclusive about class 2"):
                repair.repair(network, test, rng=Rng(0), verdict=calm)
            continue
        same = repair.repair(network, test, rng=Rng(0), verdict=calm)
        assert all(torch.equal(value, network.state()[name]) for name, value in same.state().items())
        assert any("changed nothing: the scan flags no class" in each for each in same.assumptions)


def test_rows_of_one_class_need_rows_of_other_classes() -> None:
    network, _, _ = scanned(3, None)
    rows = only(DIGITS.test, 3)
    with pytest.raises(DataError) as caught:
        NeuralCleanse(steps=3).scan(network, rows.subset(rows.y == 1), rng=Rng(0))
    assert "3 other classes" not in str(caught.value)
    assert "5 of them from each of 2 other classes; got" in str(caught.value)
    assert "Rows of other classes are missing; more rows of this class do not help." in str(caught.value)
