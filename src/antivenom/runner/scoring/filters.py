"""Scoring filters: the inputs that each rejects are compared with the truth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from antivenom.calling import scores_from
from antivenom.charts import Axis, Evidence, Figure, Histogram, Values, WithEvidence, column, pair
from antivenom.data import Dataset, Goal
from antivenom.defences import Filter
from antivenom.goals import TriggeredGoal, attacked_rows, target_classes, triggered_rows
from antivenom.metrics import auroc, share_above, threshold_for
from antivenom.models import Classifier, predictions
from antivenom.models.batches import input_batches
from antivenom.rng import Rng
from antivenom.runner.scoring.trusted import halves


@dataclass(frozen=True, eq=False)
class _Judged:
    """A filter's scores of clean and of triggered inputs, its threshold, and the results on accepted inputs."""

    clean: Tensor
    triggered: Tensor | None
    threshold: float
    accuracy: float | None
    success: float | None
    own: WithEvidence[Tensor]


def score_filters(
    filters: Mapping[str, Filter],
    classifiers: tuple[Classifier, Classifier],
    goal: Goal,
    test: Dataset,
    clean: Dataset,
    rng: Rng,
) -> tuple[Evidence, dict[str, Tensor]]:
    """Run all filters before victim and control, and return their figures and charts, and the victim's scores (n).

    The defender's clean rows are divided into halves: the filter receives one, and the other sets its threshold.

    Args:
        filters: the filters by name.
        classifiers: victim and control.
        goal: the attacker's goal.
        test: the rows to measure on.
        clean: the defender's clean rows.
        rng: each filter uses a child of it, the same for victim and control.
    """
    evidence, scores = Evidence(), dict[str, Tensor]()
    known, threshold_rows = halves(clean, rng)
    for name, each in filters.items():
        victim, control = (_judge(each, one, goal, test, known, threshold_rows, rng.child(name)) for one in classifiers)
        chart = _histogram(name, victim)
        figures = (*_figures(victim, control), *victim.own.figures)
        evidence |= Evidence.of(f"filter.{name}", figures, (chart, *victim.own.charts))
        scores[name] = torch.cat([victim.clean] + ([] if victim.triggered is None else [victim.triggered])).cpu()
    return evidence, scores


def _judge(
    each: Filter, classifier: Classifier, goal: Goal, test: Dataset, known: Dataset, threshold_rows: Dataset, rng: Rng
) -> _Judged:
    own = _suspicion(each, test, classifier, known, rng)
    threshold = threshold_for(
        _suspicion(each, threshold_rows, classifier, known, rng).result, each.false_rejection_rate
    )
    answered = own.result <= threshold
    right = predictions(classifier, test).to(test.device) == test.y
    accuracy = float((right & answered).sum() / answered.sum()) if bool(answered.any()) else None
    if not isinstance(goal, TriggeredGoal) or not len(attacked := attacked_rows(goal, test)):
        return _Judged(own.result, None, threshold, accuracy, None, own)
    triggered = triggered_rows(goal, attacked)
    scores = _suspicion(each, triggered, classifier, known, rng).result
    hits = predictions(classifier, triggered).to(test.device) == target_classes(goal, attacked)
    success = float((hits & (scores <= threshold)).double().mean())
    return _Judged(own.result, scores, threshold, accuracy, success, own)


def _suspicion(each: Filter, data: Dataset, classifier: Classifier, known: Dataset, rng: Rng) -> WithEvidence[Tensor]:
    """Return the suspicion of each row (n), with the evidence of the first batch."""
    parts = [
        scores_from(each, Filter.suspicion, x, classifier, rows=len(x), rng=rng, clean=known)
        for _, x in input_batches(data)
    ]
    return replace(parts[0], result=torch.cat([part.result for part in parts]).to(data.device))


def _figures(victim: _Judged, control: _Judged) -> tuple[Figure, ...]:
    area = tpr = None
    if victim.triggered is not None:
        positive = torch.cat([torch.zeros_like(victim.clean), torch.ones_like(victim.triggered)]).bool()
        area = auroc(torch.cat([victim.clean, victim.triggered]), positive)
        tpr = share_above(victim.triggered, victim.threshold)
    fpr = [share_above(each.clean, each.threshold) for each in (victim, control)]
    return (
        Figure(name="auroc", value=area, better="high", headline=True),
        Figure(name="tpr", value=tpr, better="high", headline=True),
        *pair("fpr", fpr[0], fpr[1], better="low", headline=True),
        *pair("attack_success_rate_with_filter", victim.success, control.success, better="low", headline=True),
        *pair("coverage", 1 - fpr[0], 1 - fpr[1], better="high", headline=True),
        *pair("clean_accuracy_with_filter", victim.accuracy, control.accuracy, better="high", headline=True),
    )


def _histogram(name: str, judged: _Judged) -> Histogram:
    groups = [Values(label="clean inputs", values=column(judged.clean), role="clean")]
    if judged.triggered is not None:
        groups.append(Values(label="inputs with the trigger", values=column(judged.triggered), role="poison"))
    return Histogram(
        name="suspicion",
        groups=tuple(groups),
        x=Axis(label=f"{name}: suspicion"),
        threshold=judged.threshold,
        caption=(
            "The scores of the victim's test inputs in the first repeat. Inputs with a score above the threshold are "
            "rejected; an equal score is accepted."
        ),
        alt=f"Scores by {name} of {len(judged.clean)} clean inputs, beside inputs with the trigger.",
    )
