"""A backdoored network beside its control."""

from typing import Any

import pytest

from antivenom.attacks import BadNets
from antivenom.goals import Backdoor
from antivenom.models import CNN
from antivenom.rng import Rng
from antivenom.training import EndToEnd
from antivenom.triggers import Patch
from tests.helpers.easy_images import CLEAN, TRAIN


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any, Backdoor]:
    """A backdoored network, its control, and the backdoor."""
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(TRAIN, rng=Rng(0))
    blank = CNN(filters=(8,), hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    training = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32)
    victim, control = (training.fit(blank, data, rng=Rng(1)) for data in (poisoned.data, TRAIN))
    assert isinstance(poisoned.goal, Backdoor)
    assert (poisoned.goal.success(victim, CLEAN) or 0) > 0.95
    return victim, control, poisoned.goal
