"""Checks of repairs."""

import dataclasses

import torch

from antivenom.data import Dataset
from antivenom.defences import RecoveredTriggers, Subject, Verdict
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.repairs import Repair
from antivenom.repairs._repair import apply_repair
from antivenom.rng import Rng
from antivenom.testing._toys import (
    CLASSES,
    bytes_of,
    global_state_untouched,
    toy_images,
)
from antivenom.testing.register import check
from antivenom.testing.scans import planted_backdoor


def verdict_on(data: Dataset, target: int) -> Verdict:
    """Return the verdict of a perfect scan on the planted backdoor."""
    classes = len(data.classes)
    masks = torch.zeros(classes, 1, *data.shape[1:])
    masks[target, :, -2:, :2] = 1
    chances = torch.ones(classes, dtype=torch.float64)
    chances[target] = 1e-4
    targets, sizes = torch.arange(classes), masks.flatten(1).sum(1).double()
    patterns = torch.ones(classes, *data.shape)
    return Verdict(
        subjects=tuple(Subject(target=number) for number in range(classes)),
        statistic=sizes,
        p_value=chances,
        flagged=chances < 0.05,
        inconclusive=torch.zeros(classes, dtype=torch.bool),
        false_alarm_rate=0.05,
        triggers=RecoveredTriggers(targets=targets, masks=masks, patterns=patterns, success=torch.ones(classes)),
    )


def _repaired(repair: Repair, classifier: Classifier, clean: Dataset, verdict: Verdict) -> Classifier:
    return apply_repair(repair, classifier, clean, rng=Rng(0), verdict=verdict).result


@check(quick=True)
def repair_does_not_change_its_inputs(repair: Repair) -> None:
    """The repair does not change classifier, clean rows, verdict or global random streams."""
    victim, _, target = planted_backdoor()
    clean = toy_images(160, seed=1)
    verdict = verdict_on(clean, target)
    assert verdict.triggers is not None
    before = bytes_of(victim), dataclasses.replace(clean).fingerprint, verdict.triggers.masks.clone()
    with global_state_untouched():
        repaired = _repaired(repair, victim, clean, verdict)
    after = bytes_of(victim), dataclasses.replace(clean).fingerprint
    assert before[:2] == after, "the repair changed the classifier or the clean rows"
    assert torch.equal(before[2], verdict.triggers.masks), "the repair changed the verdict"
    assert repaired is not victim, "the repair must return a new classifier"


@check
def repair_is_reproducible(repair: Repair) -> None:
    """The same seed returns the same weights."""
    victim, _, target = planted_backdoor()
    clean = toy_images(160, seed=1)
    first, again = (_repaired(repair, victim, clean, verdict_on(clean, target)) for _ in range(2))
    assert bytes_of(first) == bytes_of(again), "the same seed returned different weights"


@check
def repair_keeps_the_accuracy(repair: Repair) -> None:
    """The repair keeps the accuracy, and removes a flagged backdoor. If no class is flagged, nothing changes."""
    victim, _, target = planted_backdoor()
    clean, test = toy_images(160, seed=1), toy_images(240, seed=2)
    verdict = verdict_on(clean, target)
    repaired = _repaired(repair, victim, clean, verdict)
    drop = 100 * (accuracy(victim, test) - accuracy(repaired, test))
    assert drop < 10, f"the accuracy may drop by less than 10 points; it dropped by {drop:.0f} points"
    if "triggers" not in repair.needs or verdict.triggers is None:
        return
    triggers = verdict.triggers
    rows = test.subset(test.y != target).inputs()
    before, after = (
        float((one.scores(triggers.apply(rows, target)).argmax(1) == target).float().mean())
        for one in (victim, repaired)
    )
    assert after < 0.5 * before, f"the repair must halve the trigger's success of {before:.2f}; it is {after:.2f}"
    without_flags = dataclasses.replace(verdict, flagged=torch.zeros(CLASSES, dtype=torch.bool))
    same = _repaired(repair, victim, clean, without_flags)
    assert bytes_of(same) == bytes_of(victim), "the repair changed the weights although no class was flagged"
