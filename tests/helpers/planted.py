"""A network with a backdoor, and what a perfect scan would say of it."""

from typing import Any

import torch

from antivenom.attacks import BadNets
from antivenom.defences import RecoveredTriggers, Subject, Verdict
from antivenom.defences.outliers import Prior, p_values_and_thresholds
from antivenom.goals import Backdoor
from antivenom.models import CNN
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import EndToEnd
from antivenom.triggers import Patch

CLEAN = toy_images(80, seed=1)


def planted() -> tuple[Any, Backdoor, Verdict]:
    """A network with a backdoor, and what a perfect scan would say of it."""
    train = toy_images(480)
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(train, rng=Rng(0))
    blank = CNN(filters=(16,), hidden=(32,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    victim = EndToEnd(epochs=15, learning_rate=5e-3, batch_size=32).fit(blank, poisoned.data, rng=Rng(1))
    masks = torch.zeros(4, 1, 6, 6)
    masks[2, :, -2:, :2] = 1
    norms = torch.tensor([30.0, 33, 4, 35], dtype=torch.float64)
    p_value, threshold = p_values_and_thresholds(norms, torch.arange(4), 0.05, Prior())
    found = Verdict(
        subjects=tuple(Subject(target=number) for number in range(4)),
        statistic=norms,
        threshold=threshold,
        p_value=p_value,
        flagged=p_value <= 0.05,
        inconclusive=p_value.isnan(),
        false_alarm_rate=0.05,
        triggers=RecoveredTriggers(
            targets=torch.arange(4), masks=masks, patterns=torch.ones(4, 1, 6, 6), success=torch.ones(4)
        ),
    )
    assert found.suspected == (2,)
    assert isinstance(poisoned.goal, Backdoor)
    return victim, poisoned.goal, found


class Bright:
    """A gate that refuses bright rows."""

    def accepts(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).mean(1) < 0.5
