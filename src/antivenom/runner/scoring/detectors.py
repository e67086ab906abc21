"""Scoring detectors: the score of each row is compared with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from antivenom.calling import scores_from
from antivenom.charts import Axis, Evidence, Figure, Histogram, Values, WithEvidence, column, worded
from antivenom.data import CLEAN, COVER, POISON, Dataset, Poisoned
from antivenom.defences import Detector
from antivenom.metrics import auroc, share_above, threshold_for, tpr_at_fpr
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.runner.scoring.trusted import Defender
from antivenom.shapes import ShortRepr

SCORES_SHOWN = 4000
"""The largest number of scores in a histogram for each group of rows."""


@dataclass(frozen=True, eq=False, repr=False)
class RowScores(ShortRepr):
    """A detector's scores of the rows that the victim was trained on.

    Args:
        scores: the score of each row (n), float32, on the CPU. Higher is more suspicious.
        threshold: rows with a higher score are flagged.
    """

    scores: Tensor
    threshold: float


def score_detectors(
    detectors: Mapping[str, Detector], poisoned: Poisoned, defender: Defender, rng: Rng
) -> tuple[Evidence, dict[str, RowScores]]:
    """Run all detectors, and return their figures and charts, and the scores of each row.

    The threshold comes only from the defender's clean rows and the detector's promised false-alarm rate. Clean rows
    are scored together with the training set, so that both have the same scale. Poison counts as positive. Cover rows
    carry the trigger and their true label; they count neither as positive nor as negative.
    """
    evidence, rows = Evidence(), {}
    for name, detector in detectors.items():
        classifier = defender.before if "earlier_model" in detector.needs else defender.after
        assert classifier is not None
        scores, trusted = score_together(detector, poisoned.data, classifier, defender.clean, rng.child(name))
        threshold = threshold_for(trusted, detector.false_alarm_rate)
        own = _figures(scores.result, poisoned, threshold), _histogram(name, scores.result, poisoned, threshold, rng)
        evidence |= Evidence.of(f"detector.{name}", (*own[0], *scores.figures), (own[1], *scores.charts))
        rows[name] = RowScores(scores.result.float().cpu(), threshold)
    return evidence, rows


def score_together(
    detector: Detector, data: Dataset, classifier: Classifier, clean: Dataset, rng: Rng
) -> tuple[WithEvidence[Tensor], Tensor]:
    """Return the scores of rows (n) and of trusted rows (m), from one call, so that both have the same scale.

    Raises:
        ComponentError: the detector does not return one finite number for each row.
    """
    first = int(data.ids.max()) + 1 if len(data) else 0
    ids = torch.arange(first, first + len(clean), device=data.device)
    clean = replace(clean.to(data.device), ids=ids, classes=data.classes)
    x, y, ids = (torch.cat(both) for both in ((data.x, clean.x), (data.y, clean.y), (data.ids, clean.ids)))
    rows = replace(data, x=x, y=y, ids=ids)
    result = scores_from(detector, Detector.score, rows, classifier, rows=len(rows), rng=rng, clean=clean)
    scores = result.result
    return replace(result, result=scores[: len(data)]), scores[len(data) :]


def _figures(scores: Tensor, poisoned: Poisoned, threshold: float) -> tuple[Figure, ...]:
    poison, clean, cover = (poisoned.roles == role for role in (POISON, CLEAN, COVER))
    judged = poison | clean
    positive = poison[judged]
    flagged = {
        "tpr": share_above(scores[poison], threshold) if bool(poison.any()) else None,
        "fpr": share_above(scores[clean], threshold) if bool(clean.any()) else None,
    }
    made = [
        Figure(name="auroc", value=auroc(scores[judged], positive), better="high", headline=True),
        Figure(name="tpr_at_1_percent_fpr", value=tpr_at_fpr(scores[judged], positive, 0.01), better="high"),
        Figure(name="tpr", value=flagged["tpr"], better="high", headline=True),
        Figure(name="fpr", value=flagged["fpr"], better="low", headline=True),
    ]
    if bool(cover.any()):
        made.append(Figure(name="flagged_cover_rows", value=share_above(scores[cover], threshold)))
    return tuple(made)


def _histogram(name: str, scores: Tensor, poisoned: Poisoned, threshold: float, rng: Rng) -> Histogram:
    groups = []
    ids, words = poisoned.data.ids, {CLEAN: "clean rows", POISON: "poison", COVER: "cover rows"}
    for role, who in ((CLEAN, "clean"), (POISON, "poison"), (COVER, "neutral")):
        rows = torch.nonzero(poisoned.roles == role).flatten()
        few = rows[rng.child("shown").order(ids[rows])[:SCORES_SHOWN]]
        if len(few):
            groups.append(Values(label=words[role], values=column(scores[few]), role=who))  # type: ignore[arg-type]
    area = auroc(scores[poisoned.roles != COVER], poisoned.is_poison[poisoned.roles != COVER])
    return Histogram(
        name="scores",
        groups=tuple(groups),
        x=Axis(label=f"{name}: score"),
        threshold=threshold,
        caption=(
            "The scores of the training rows in the first repeat. Rows with a score above the threshold are flagged; "
            "an equal score is not."
        ),
        alt=f"Scores of clean rows and of poison by {name}: AUROC {worded(area, 'share')}.",
    )
