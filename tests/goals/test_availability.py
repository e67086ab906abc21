"""Goals without a rate of their own."""

import torch

from antivenom.data import Dataset
from antivenom.goals import Availability
from tests.helpers.toys import Told


def rows(pairs: list[tuple[int, int]]) -> Dataset:
    """Rows of a true class (3 of them), which `Told` takes for another, unless the trigger is in them."""
    table = torch.tensor(pairs, dtype=torch.float32).reshape(-1, 2)
    return Dataset.from_arrays(table[:, 1:].repeat(1, 3), table[:, 0], classes=["a", "b", "c"], bounds=(0.0, 2.0))


EVERY = [(true, 0) for true in (0, 0, 1, 1, 1, 2, 2)]


def test_availability_has_no_rate() -> None:
    assert Availability().success(Told(3), rows(EVERY)) is None
