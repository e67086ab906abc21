"""Rows that cannot test a class: they are refused, or the class is inconclusive with the reason. Nothing is flagged."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from antivenom import load
from antivenom.data import Dataset
from antivenom.defences import NeuralCleanse
from antivenom.defences.neural_cleanse.inversion import Inversion
from antivenom.defences.neural_cleanse.search_settings import Search
from antivenom.errors import DataError
from antivenom.models import CNN, as_classifier
from antivenom.rng import Rng
from antivenom.training import EndToEnd
from tests.helpers.easy_images import CLEAN

DIGITS = load("digits")
SCAN = NeuralCleanse(steps=150)


@cache
def clean_network() -> Any:
    """A network without a backdoor."""
    blank = CNN(filters=(8,), hidden=(32,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0.0, 1.0), rng=Rng(0))
    return EndToEnd(epochs=12, learning_rate=5e-3, batch_size=64).fit(blank, DIGITS.train, rng=Rng(0))


def rows(**counts: int) -> Dataset:
    """Return test rows with this number of rows of each class, such as `rows(c3=5)`."""
    places = [(DIGITS.test.y == int(name[1:])).nonzero().flatten()[:count] for name, count in counts.items()]
    return DIGITS.test.subset(torch.cat(places))


@pytest.mark.parametrize(
    "given",
    [rows(c5=1), rows(c3=41), rows(c3=5), rows(c3=41, c1=1, c2=1), rows(c3=20, c7=20), rows(c0=40, c1=4, c2=4)],
    ids=lambda data: " ".join(f"{int((data.y == each).sum())}x{each}" for each in data.y.unique().tolist()),
)
def test_rows_that_test_no_class_are_refused(given: Dataset) -> None:
    with pytest.raises(DataError, match=r"at least 20 rows of other classes.*no class can be tested"):
        SCAN.scan(clean_network(), given, rng=Rng(0))


@pytest.mark.parametrize("much", [3, 8, 0])
def test_a_class_with_almost_all_rows_is_inconclusive_and_says_why(much: int) -> None:
    counts = {f"c{each}": 5 for each in range(10) if each != much}
    others = rows(**dict(list(counts.items())[:3]))
    own = DIGITS.train.subset((DIGITS.train.y == much).nonzero().flatten()[:100])
    given = Dataset(
        x=torch.cat([own.x, others.x]),
        y=torch.cat([own.y, others.y]),
        ids=torch.arange(len(own) + len(others)),
        classes=own.classes,
        bounds=own.bounds,
    )
    verdict = SCAN.scan(clean_network(), given, rng=Rng(0))
    assert bool(verdict.inconclusive[much])
    assert bool(verdict.p_value[much].isnan())
    assert much not in verdict.suspected
    assert any(f"Class {much} was not tested" in each and "15 rows" in each for each in verdict.untested)


@pytest.mark.parametrize("target", [0, 2])
def test_a_network_that_predicts_one_class_has_no_trigger_for_it(target: int) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    with torch.no_grad():
        module[1].weight.mul_(0.01)
        module[1].bias.copy_(5.0 * (torch.arange(4) == target))
    verdict = NeuralCleanse(steps=60).scan(as_classifier(module, input_shape=(1, 6, 6)), CLEAN, rng=Rng(0))
    assert bool(verdict.inconclusive[target])
    assert not verdict.is_suspicious
    assert any("already predicts" in each for each in verdict.untested)


@pytest.mark.parametrize("schedule", ["successive", "all"])
@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_verdict_is_inconclusive_if_predictions_leave_no_class_to_test(classes: int, schedule: Any) -> None:
    x = torch.zeros(20 * classes, 1, 6, 6)
    y = torch.arange(classes).repeat(20)
    x[torch.arange(len(x)), 0, 0, (y + 1) % classes] = 1.0  # every row is predicted as the next class
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, classes))
    with torch.no_grad():
        module[1].weight.copy_(10 * torch.eye(classes, 36))
        module[1].bias.zero_()
    rows = Dataset.from_arrays(x.numpy(), y.numpy(), bounds=(0, 1))
    scan = NeuralCleanse(steps=40, schedule=schedule)
    verdict = scan.scan(as_classifier(module, input_shape=(1, 6, 6)), rows, rng=Rng(0))
    assert bool(verdict.inconclusive.all())
    assert not verdict.is_suspicious
    assert any("Class 0 was not tested" in each for each in verdict.untested)


def test_steps_without_rows_of_other_classes_never_succeed() -> None:
    search = Search(steps=40, batch_size=4, window=3)
    only = CLEAN.subset((CLEAN.y == 1).nonzero().flatten()[:12])
    inversion = Inversion(clean_toy(), only, torch.tensor([1]), search, Rng(0))
    inversion.finish(torch.tensor([0]))
    found = inversion.result()
    assert not bool(found.reached[0])
    assert float(inversion.cost[0]) == 0


def clean_toy() -> Any:
    return as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=(1, 6, 6))
