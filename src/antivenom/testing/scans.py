"""Checks of scans."""

import dataclasses
import math

import torch

from antivenom.attacks.badnets import BadNets
from antivenom.calling import guarded
from antivenom.defences import Scan, Verdict
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.testing._device import cache_here
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.testing.register import check
from antivenom.training.end_to_end import EndToEnd
from antivenom.triggers.patch import Patch


@cache_here
def planted_backdoor() -> tuple[Classifier, Classifier, int]:
    """Return a network with a backdoor, its control, and the target class of the backdoor."""
    data = toy_images(480)
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(data, rng=Rng(0))
    training = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32)
    victim, control = (training.fit(toy_model(data), rows, rng=Rng(1)) for rows in (poisoned.data, data))
    return victim, control, 2


@check(quick=True)
def scan_does_not_change_its_inputs(scan: Scan) -> None:
    """The scan does not change classifier, clean rows or global random streams."""
    victim, _, _ = planted_backdoor()
    clean = toy_images(96, seed=1)
    before = bytes_of(victim), dataclasses.replace(clean).fingerprint
    with global_state_untouched():
        guarded(scan, Scan.scan, Verdict)(victim, clean, rng=Rng(0))
    assert before == (bytes_of(victim), dataclasses.replace(clean).fingerprint), "the scan changed its inputs"


@check
def scan_is_reproducible(scan: Scan) -> None:
    """The same seed returns exactly the same masks and p-values."""
    victim, _, _ = planted_backdoor()
    first, again = (guarded(scan, Scan.scan, Verdict)(victim, toy_images(96, seed=1), rng=Rng(0)) for _ in range(2))
    statistics = [each.statistic.nan_to_num() for each in (first, again)]
    assert torch.equal(*statistics), "the same seed returned different statistics"
    if first.triggers is not None and again.triggers is not None:
        assert torch.equal(first.triggers.masks, again.triggers.masks), "the same seed returned different masks"
    p_values = [each.p_value.nan_to_num() for each in (first, again)]
    assert torch.equal(*p_values), "the same seed returned different p-values"


@check
def scan_finds_a_backdoor(scan: Scan) -> None:
    """A network with a backdoor is more suspicious than its control. A recovered trigger works and is the smallest."""
    victim, control, target = planted_backdoor()
    clean = toy_images(96, seed=1)
    verdict, on_control = (guarded(scan, Scan.scan, Verdict)(each, clean, rng=Rng(0)) for each in (victim, control))
    if verdict.triggers is None or on_control.triggers is None:
        p = [math.inf if each.smallest_p_value is None else each.smallest_p_value for each in (verdict, on_control)]
        assert p[0] < p[1], f"the p-value of the victim, {p[0]:.3g}, must be below that of the control, {p[1]:.3g}"
        return
    masks = verdict.triggers.masks
    assert masks.shape[0] == CLASSES, f"the verdict must have {CLASSES} triggers, one for each class; got {len(masks)}"
    assert bool(((masks >= 0) & (masks <= 1)).all()), "masks must be in [0, 1]"
    sizes = verdict.statistic
    smallest = verdict.subjects[int(sizes.argmin())].target
    assert smallest == target, f"the target class, {target}, must have the smallest trigger; class {smallest} has it"
    hits = victim.scores(verdict.triggers.apply(clean.inputs(), target)).argmax(1) == target
    success = float(hits.float().mean())
    assert success > 0.8, f"the recovered trigger must work on more than 80 % of the rows; got {100 * success:.0f} %"
    larger = float(on_control.statistic[target]) > 1.2 * float(sizes[target])
    assert larger, "the trigger of the target class must be smaller in the victim than in the control"
