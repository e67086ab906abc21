"""Labels that are not 0, 1, …: every flipped label is a class that has rows."""

import numpy as np
import pytest

from antivenom import Dataset, Rng
from antivenom.attacks import LabelFlip


@pytest.mark.parametrize(("start", "step"), [(1, 1), (1001, 1), (0, 100)])
def test_a_label_is_flipped_to_a_class_with_rows(start: int, step: int) -> None:
    labels = np.arange(200) % 10 * step + start
    data = Dataset.from_arrays(np.zeros((200, 8, 8), np.uint8), labels, renumber=True)
    poisoned = LabelFlip(rate=0.5).poison(data, rng=Rng(0))
    assert {data.classes[number] for number in poisoned.y.tolist()} <= {str(label) for label in labels}
    assert len(data.classes) == 10
