"""Scoring scans: the verdicts on victim and control are compared with the truth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from antivenom.charts import Chart, Evidence, Figure, pair, side_by_side
from antivenom.data import Dataset, Goal
from antivenom.defences import Verdict
from antivenom.goals import TriggeredGoal, attacked_rows, target_classes, triggered_rows

ROWS_COMPARED = 200
"""The largest number of test rows that show which pixels a trigger changes."""


@dataclass(frozen=True)
class Overlap:
    """The overlap of a recovered mask with the true trigger.

    Args:
        precision: the share of the mask's total weight on pixels that the trigger changes.
        iou: the intersection of these pixels with those where the mask is above half its maximum, over the union.
    """

    precision: float
    iou: float


def score_scans(verdicts: Mapping[str, tuple[Verdict, Verdict]], goal: Goal, test: Dataset) -> Evidence:
    """Return figures and charts of every scan, from its verdicts on victim and control."""
    evidence = Evidence()
    for name, (victim, control) in verdicts.items():
        figures = (*_figures(victim, control, goal, test), *_own_figures(victim, control))
        evidence |= Evidence.of(f"scan.{name}", figures, _charts(victim, control, test.classes))
    return evidence


def overlap(mask: Tensor, goal: TriggeredGoal, test: Dataset, target: int) -> Overlap | None:
    """Return the overlap of a mask (1 or channels, height, width) with a trigger, or None if no row has the target."""
    rows = attacked_rows(goal, test)
    rows = rows.subset(target_classes(goal, rows) == target)
    few = rows.subset(torch.arange(min(len(rows), ROWS_COMPARED), device=rows.device))
    if not len(few):
        return None
    changed = (triggered_rows(goal, few).x != few.x).any(0).cpu()
    if changed.ndim == 1:  # rows that are not images
        there, weight = changed, mask
    else:
        there, weight = changed.flatten(1).any(0), mask.flatten(1).mean(0)
    large = weight > weight.max() / 2
    union = float((large | there).sum())
    return Overlap(float(weight[there].sum() / weight.sum().clamp_min(1e-12)), float((large & there).sum()) / union)


def _figures(victim: Verdict, control: Verdict, goal: Goal, test: Dataset) -> Iterator[Figure]:
    flagged = [float(each.is_suspicious) for each in (victim, control)]
    yield from pair("flagged", flagged[0], flagged[1], unit="yes_no", headline=True)
    p_values = victim.smallest_p_value, control.smallest_p_value
    yield from pair("p_value", *p_values, unit="p_value", headline=True)
    inconclusive = [float(each.inconclusive.double().mean()) for each in (victim, control)]
    yield from pair("inconclusive", *inconclusive, better="low")
    identified = precision = iou = None
    if isinstance(goal, TriggeredGoal):
        targets = sorted(set(target_classes(goal, attacked_rows(goal, test)).tolist()))
        if any(subject.target is not None for subject in victim.subjects):
            identified = float(sorted(victim.suspected) == targets)
        if victim.triggers is not None:
            known = set(victim.triggers.targets.tolist())
            every = [overlap(victim.triggers.mask(each), goal, test, each) for each in targets if each in known]
            overlaps = [each for each in every if each is not None]
            if overlaps:
                precision = sum(each.precision for each in overlaps) / len(overlaps)
                iou = sum(each.iou for each in overlaps) / len(overlaps)
    yield Figure(name="identified", value=identified, unit="yes_no", better="high", headline=True)
    if victim.triggers is not None:
        yield Figure(name="mask_precision", value=precision, better="high")
        yield Figure(name="mask_iou", value=iou, better="high")


def _own_figures(victim: Verdict, control: Verdict) -> Iterator[Figure]:
    yield from victim.figures
    yield from (replace(each, control=True) for each in control.figures)


def _charts(victim: Verdict, control: Verdict, classes: tuple[str, ...]) -> Iterator[Chart]:
    """Yield each chart of the evidence, the victim's beside the control's."""
    both = [each.charts(classes) for each in (victim, control)]
    theirs = {chart.name: chart for chart in both[1]}
    for chart in both[0]:
        caption = (
            f"{chart.caption} Victim: {victim.summary(classes)}. Control: {control.summary(classes)}. First repeat."
        )
        drawn = side_by_side(chart, theirs[chart.name]) if chart.name in theirs else chart
        yield replace(drawn, caption=caption.strip())
