"""What every scan promises."""

import dataclasses
import math

import torch

from antivenom.attacks.badnets import BadNets
from antivenom.defences import Scan
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.testing._checks import check
from antivenom.testing._device import cache_here
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.training.end_to_end import EndToEnd
from antivenom.triggers.patch import Patch


@cache_here
def planted_backdoor() -> tuple[Classifier, Classifier, int]:
    """A network with a backdoor, its control, and the backdoor's target."""
    data = toy_images(480)
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(data, rng=Rng(0))
    training = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32)
    victim, control = (training.fit(toy_model(data), rows, rng=Rng(1)) for rows in (poisoned.data, data))
    return victim, control, 2


@check(quick=True)
def scan_leaves_its_inputs_alone(scan: Scan) -> None:
    """Neither classifier, clean rows nor any global random stream is touched."""
    victim, _, _ = planted_backdoor()
    clean = toy_images(96, seed=1)
    before = bytes_of(victim), dataclasses.replace(clean).fingerprint
    with global_state_untouched():
        scan.scan(victim, clean, rng=Rng(0))
    assert before == (bytes_of(victim), dataclasses.replace(clean).fingerprint), "the scan changed what it was given"


@check
def scan_is_reproducible(scan: Scan) -> None:
    """Same seed, same masks and p-values, to the bit."""
    victim, _, _ = planted_backdoor()
    first, again = (scan.scan(victim, toy_images(96, seed=1), rng=Rng(0)) for _ in range(2))
    assert torch.equal(first.statistic.nan_to_num(), again.statistic.nan_to_num()), "the same seed gave other numbers"
    if first.triggers is not None and again.triggers is not None:
        assert torch.equal(first.triggers.masks, again.triggers.masks), "the same seed gave other masks"
    assert torch.equal(first.p_value.nan_to_num(), again.p_value.nan_to_num()), "the same seed gave another verdict"


@check
def scan_finds_what_was_planted(scan: Scan) -> None:
    """A backdoored network looks more suspicious than its control; a recovered trigger works and is the smallest."""
    victim, control, target = planted_backdoor()
    clean = toy_images(96, seed=1)
    found, twin = (scan.scan(each, clean, rng=Rng(0)) for each in (victim, control))
    if found.triggers is None or twin.triggers is None:
        least = [math.inf if each.smallest_p_value is None else each.smallest_p_value for each in (found, twin)]
        assert least[0] < least[1], f"the control looks as suspicious: p = {least[1]:.3g} against {least[0]:.3g}"
        return
    masks = found.triggers.masks
    assert masks.shape[0] == CLASSES, "a class has no trigger"
    assert bool(((masks >= 0) & (masks <= 1)).all()), "a mask leaves [0, 1]"
    sizes = found.statistic
    assert found.subjects[int(sizes.argmin())].target == target, "another class has the smallest trigger"
    hits = victim.scores(found.triggers.apply(clean.inputs(), target)).argmax(1) == target
    assert float(hits.float().mean()) > 0.8, "the recovered trigger does not work"
    assert float(twin.statistic[target]) > 1.2 * float(sizes[target]), "the control's trigger is as small"
