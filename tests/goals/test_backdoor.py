"""Backdoors as goals, on rows small enough to see."""

import pytest
import torch

from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.goals import Backdoor
from antivenom.triggers import Patch
from tests.helpers.toys import Told


def rows(pairs: list[tuple[int, int]]) -> Dataset:
    """Rows of a true class (3 of them), which `Told` takes for another, unless the trigger is in them."""
    table = torch.tensor(pairs, dtype=torch.float32).reshape(-1, 2)
    return Dataset.from_arrays(table[:, 1:].repeat(1, 3), table[:, 0], classes=["a", "b", "c"], bounds=(0.0, 2.0))


class Obeys:
    """Takes rows whose last column is the highest value for class 2, and the rest for what they say."""

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        said = torch.where(x[:, 2] == 2, torch.tensor(2.0), x[:, 0])
        return Told(3).scores(said.unsqueeze(1))


EVERY = [(true, 0) for true in (0, 0, 1, 1, 1, 2, 2)]


def test_success_leaves_out_rows_of_the_target_already() -> None:
    goal = Backdoor(trigger=Patch(size=1), target=2)
    assert goal.attacked(rows(EVERY)).y.tolist() == [0, 0, 1, 1, 1]
    assert goal.success(Obeys(), rows(EVERY)) == 1.0
    assert goal.success(Told(3), rows(EVERY)) == 0.0
    assert goal.success(Told(3), rows([(0, 2), (1, 0), (2, 0)])) == 0.5  # what doing nothing scores


def test_a_source_is_the_only_class_attacked() -> None:
    goal = Backdoor(trigger=Patch(size=1), target=2, source=1)
    assert goal.attacked(rows(EVERY)).y.tolist() == [1, 1, 1]
    assert goal.success(Told(3), rows([(0, 2), (1, 0), (1, 2), (1, 0)])) == 1 / 3


def test_triggered_rows_keep_labels_and_ids_and_the_data_is_untouched() -> None:
    data = rows(EVERY)
    before = data.x.clone()
    triggered = Backdoor(trigger=Patch(size=1), target=2).triggered(data)
    assert torch.equal(triggered.y, data.y)
    assert torch.equal(triggered.ids, data.ids)
    assert triggered.x[:, 2].tolist() == [2.0] * 7
    assert torch.equal(data.x, before)


def test_a_trigger_needs_bounds() -> None:
    data = Dataset.from_arrays([[1.0, 2.0]], [0])
    with pytest.raises(DataError, match="Give the data set bounds"):
        Backdoor(trigger=Patch(size=1), target=1).triggered(data)
