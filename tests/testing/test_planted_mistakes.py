"""A `torch.zeros(n)` without a device: right on the CPU, and caught on a second device by the checks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from antivenom.data import Dataset, Poisoned
from antivenom.defences import Subject, Verdict
from antivenom.errors import ComponentError
from antivenom.goals import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.testing import on_device
from antivenom.testing.attacks import attack_reports_its_rows
from antivenom.testing.repairs import repair_does_not_change_its_inputs
from antivenom.testing.scans import scan_does_not_change_its_inputs


@component
class ForgetfulAttack:
    """Marks the rows that it poisons on the CPU, wherever the data is."""

    appends = False

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:
        marked = torch.zeros(len(data), dtype=torch.bool)
        rows = torch.nonzero(marked | (data.y == 0)).flatten()[:5]
        return Poisoned.replace(data, rows, y=data.y[rows] + 1, goal=Availability())


@component
class ForgetfulScan:
    """Counts on the CPU, wherever the scores are."""

    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        assert clean is not None
        totals = torch.zeros(classifier.classes)
        totals += classifier.scores(clean.inputs()).sum(0)
        found = totals.double().cpu()
        return Verdict(
            subjects=tuple(Subject(target=number) for number in range(len(found))),
            statistic=found,
            p_value=torch.ones_like(found),
            flagged=found < 0,
            inconclusive=found < 0,
            false_alarm_rate=0.05,
        )


@component
class ForgetfulRepair:
    """Takes a step of zeros that were made on the CPU, wherever the weights are."""

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,
        verdict: Verdict | None = None,
    ) -> Classifier:
        state = classifier.state()
        return classifier.with_state({name: value - torch.zeros(value.shape) for name, value in state.items()})


@pytest.mark.parametrize(
    ("check", "mistaken"),
    [
        (attack_reports_its_rows, ForgetfulAttack()),
        (scan_does_not_change_its_inputs, ForgetfulScan()),
        (repair_does_not_change_its_inputs, ForgetfulRepair()),
    ],
    ids=["attack", "scan", "repair"],
)
def test_a_forgotten_device_is_caught(check: Callable[[Any], None], mistaken: Any, device: torch.device) -> None:
    check(mistaken)
    errors = RuntimeError, ComponentError
    with on_device(device), pytest.raises(errors, match="Expected all tensors to be on the same device"):
        check(mistaken)
