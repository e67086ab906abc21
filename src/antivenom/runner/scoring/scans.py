"""The referee of scans: what is said of the victim, and of the control, held against the truth."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.data import Dataset, Goal
from antivenom.defences import Verdict
from antivenom.goals.backdoor import Backdoor
from antivenom.runner.scoring.detectors import Found

SEEN = 200
"""From so many test rows one knows which pixels a trigger changes."""


@dataclass(frozen=True)
class Overlap:
    """Where a recovered mask lies.

    Attributes:
        inside: the share of its mass on the pixels that the trigger changes.
        iou: the intersection of those pixels with the mask's larger half, over their union.
    """

    inside: float
    iou: float


def score_scans(verdicts: dict[str, tuple[Verdict, Verdict]], goal: Goal, test: Dataset) -> Found:
    """What each scan says of victim and control, held against the truth.

    `defence.NAME.flagged` and `.false_alarm`, of the control, are 1 or 0; `.right` is 1 where the target and nothing
    else is flagged; `.p_value` is the smallest; `.inconclusive` the share of such classes; `.inside` and `.iou` say how
    much of the target's recovered mask lies on the trigger. What needs a trigger is None where there is none.
    """
    values: dict[str, float | None] = {}
    for name, (said, twin) in verdicts.items():
        figures: dict[str, float | None] = {
            "flagged": float(said.flagged.any()),
            "false_alarm": float(twin.flagged.any()),
            "p_value": _smallest(said.p_value),
            "control_p_value": _smallest(twin.p_value),
            "inconclusive": float(said.inconclusive.double().mean()),
            "right": None,
            "inside": None,
            "iou": None,
        }
        if isinstance(goal, Backdoor):
            where = overlap(said.masks[goal.target], goal, test)
            figures |= {"right": float(said.suspected == (goal.target,)), "inside": where.inside, "iou": where.iou}
        values |= {f"defence.{name}.{figure}": value for figure, value in figures.items()}
    arrays: dict[str, NDArray[np.generic]] = {"scan_names": np.array(list(verdicts))}
    for part in (
        "masks",
        "patterns",
        "l1",
        "threshold",
        "success",
        "p_value",
        "anomaly_index",
        "flagged",
        "inconclusive",
    ):
        both = [torch.stack([getattr(each, part) for each in pair]) for pair in verdicts.values()]
        arrays |= {f"scan_{name}_{part}": each.numpy() for name, each in zip(verdicts, both, strict=True)}
    return Found(values, arrays)


def overlap(mask: Tensor, goal: Backdoor, test: Dataset) -> Overlap:
    """Where a mask (1 or channels, height, width) lies, against the pixels that a trigger changes in test rows."""
    rows = goal.attacked(test)
    few = rows.subset(torch.arange(min(len(rows), SEEN), device=rows.device))
    changed = (goal.triggered(few).x != few.x).any(0).cpu()
    if changed.ndim == 1:  # rows that are no images
        there, weight = changed, mask
    else:
        there, weight = changed.flatten(1).any(0), mask.flatten(1).mean(0)
    large = weight > weight.max() / 2
    union = float((large | there).sum())
    return Overlap(float(weight[there].sum() / weight.sum().clamp_min(1e-12)), float((large & there).sum()) / union)


def _smallest(p_value: Tensor) -> float | None:
    known = p_value[~p_value.isnan()]
    return float(known.min()) if len(known) else None
