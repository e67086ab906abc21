"""Goals of pairs of classes, on rows small enough to see."""

from typing import Any

import pytest
import torch

from antivenom.data import Dataset
from antivenom.goals import Backdoor, Targeted
from antivenom.triggers import Patch
from tests.helpers.toys import Told


def rows(pairs: list[tuple[int, int]]) -> Dataset:
    """Rows of a true class (3 of them), which `Told` takes for another, unless the trigger is in them."""
    table = torch.tensor(pairs, dtype=torch.float32).reshape(-1, 2)
    return Dataset.from_arrays(table[:, 1:].repeat(1, 3), table[:, 0], classes=["a", "b", "c"], bounds=(0.0, 2.0))


@pytest.mark.parametrize(
    "goal", [Backdoor(trigger=Patch(size=1), target=0), Targeted(pairs=((1, 0),)), Targeted(pairs=())]
)
@pytest.mark.parametrize("pairs", [[(0, 0), (0, 1)], []])
def test_no_attempts_are_no_rate(goal: Any, pairs: list[tuple[int, int]]) -> None:
    assert goal.success(Told(3), rows(pairs)) is None


def test_targeted_counts_each_pair() -> None:
    data = rows([(0, 1), (0, 0), (1, 2), (1, 2), (2, 0)])
    assert Targeted(pairs=((0, 1),)).success(Told(3), data) == 0.5
    assert Targeted(pairs=((0, 1), (1, 2))).success(Told(3), data) == 0.75
    assert Targeted(pairs=((2, 1),)).success(Told(3), data) == 0.0
