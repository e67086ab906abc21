"""What every repair promises."""

import dataclasses
from collections.abc import Callable, Mapping

import torch

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.metrics import accuracy
from antivenom.repairs import Repair
from antivenom.rng import Rng
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    check_all,
    global_state_untouched,
    settings_round_trip,
    toy_images,
)
from antivenom.testing.scans import planted_backdoor


def _verdict_on(data: Dataset, target: int) -> Verdict:
    """What a perfect scan would say of the planted backdoor."""
    mask = torch.zeros(CLASSES, 1, *data.shape[1:])
    mask[target, :, -2:, :2] = 1
    chances = torch.ones(CLASSES, dtype=torch.float64)
    chances[target] = 1e-4
    found = mask.flatten(1).sum(1).double()
    return Verdict(
        masks=mask,
        patterns=torch.ones(CLASSES, *data.shape),
        l1=found,
        threshold=found,
        success=found,
        anomaly_index=found,
        p_value=chances,
        flagged=chances < 0.05,
        inconclusive=torch.zeros(CLASSES, dtype=torch.bool),
        false_alarm_rate=0.05,
        rows=0,
    )


def repair_leaves_its_inputs_alone(repair: Repair) -> None:
    """Neither classifier, clean rows, verdict nor any global random stream is touched."""
    victim, _, target = planted_backdoor()
    clean = toy_images(160, seed=1)
    verdict = _verdict_on(clean, target)
    before = bytes_of(victim), dataclasses.replace(clean).fingerprint, verdict.masks.clone()
    with global_state_untouched():
        mended = repair.repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert before[:2] == (bytes_of(victim), dataclasses.replace(clean).fingerprint), (
        "the repair changed what it was given"
    )
    assert torch.equal(before[2], verdict.masks), "the repair changed the verdict"
    assert mended is not victim, "a repair gives a new classifier"


def repair_is_reproducible(repair: Repair) -> None:
    """Same seed, same weights."""
    victim, _, target = planted_backdoor()
    clean = toy_images(160, seed=1)
    both = [repair.repair(victim, clean, rng=Rng(0), verdict=_verdict_on(clean, target)) for _ in range(2)]
    assert bytes_of(both[0]) == bytes_of(both[1]), "the same seed gave other weights"


def repair_keeps_what_was_right(repair: Repair) -> None:
    """A backdoored network stays accurate; with a verdict the backdoor goes, and without a flag nothing changes."""
    victim, _, target = planted_backdoor()
    clean, test = toy_images(160, seed=1), toy_images(240, seed=2)
    verdict = _verdict_on(clean, target)
    mended = repair.repair(victim, clean, rng=Rng(0), verdict=verdict)
    lost = accuracy(victim, test) - accuracy(mended, test)
    assert lost < 0.1, f"it costs {lost:.2f} of the accuracy"
    if "triggers" not in getattr(repair, "needs", ()):
        return
    rows = test.subset(test.y != target).inputs()
    success = [
        float((one.scores(verdict.with_trigger(rows, target)).argmax(1) == target).float().mean())
        for one in (victim, mended)
    ]
    assert success[1] < 0.5 * success[0], f"the trigger succeeds in {success[1]:.2f} after it, {success[0]:.2f} before"
    calm = dataclasses.replace(verdict, flagged=torch.zeros(CLASSES, dtype=torch.bool))
    same = repair.repair(victim, clean, rng=Rng(0), verdict=calm)
    assert bytes_of(same) == bytes_of(victim), "nothing was suspected, and it changed the weights"


def repair_settings_round_trip(repair: Repair) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("repairs", repair)


REPAIR_CHECKS: tuple[Callable[[Repair], None], ...] = (
    repair_leaves_its_inputs_alone,
    repair_is_reproducible,
    repair_keeps_what_was_right,
    repair_settings_round_trip,
)


def check_repair(repair: Repair, waive: Mapping[str, str] | None = None) -> None:
    """Hold a repair to every promise; as `check_attack`."""
    check_all(REPAIR_CHECKS, (repair,), waive)
