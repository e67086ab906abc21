"""Scoring one victim and its control: accuracy, attack success, and figures about the poison."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.charts import Evidence, Figure, finite, pair
from antivenom.data import COVER, POISON, Dataset, Goal, Poisoned, Scorer
from antivenom.goals import TriggeredGoal, attacked_rows, success_of, triggered_rows
from antivenom.metrics import accuracy_from, class_accuracies, confusion_from
from antivenom.models import predictions
from antivenom.models.predict import UNDEFINED
from antivenom.runner.scoring.pair import Pair


@dataclass(frozen=True)
class ModelScores:
    """Figures, and the confusion matrices of victim and control.

    Args:
        evidence: the figures.
        confusion: (2, classes, classes), int64: rows are true classes; (1, classes, classes) without a control.
    """

    evidence: Evidence
    confusion: Tensor


def score_pair(poisoned: Poisoned, trained: Pair, test: Dataset) -> ModelScores:
    """Return all figures of one victim and its control, except those of defences and analyses."""
    victim, control = trained
    scores = score_models(poisoned.goal, victim.classifier, control.classifier, test)
    evidence = scores.evidence | Evidence.of("attack", poison_figures(poisoned))
    losses = [finite(each.losses[-1]) if each.losses else None for each in trained]
    evidence |= Evidence.of("training", pair("loss", *losses, unit="nats", better="low"))
    return ModelScores(evidence, scores.confusion)


def score_models(goal: Goal, victim: Scorer, control: Scorer | None, test: Dataset) -> ModelScores:
    """Return the figures of finished classifiers. The control's figures are None without a control."""
    predicted = [predictions(one, test) for one in (victim, control) if one is not None]
    counts = torch.stack([confusion_from(each, test) for each in predicted])
    undefined = [int((each == UNDEFINED).sum()) for each in predicted]
    accuracies = [accuracy_from(each, lost) for each, lost in zip(counts, undefined, strict=True)]
    accuracies += [math.nan] * (control is None)
    drop = finite(accuracies[1] - accuracies[0])
    model = [
        *pair("clean_accuracy", *map(finite, accuracies), better="high", headline=True),
        Figure(name="accuracy_drop", value=drop, unit="points", better="low", headline=True),
    ]
    if any(undefined):
        lost = [each / len(test) for each in undefined] + [None] * (control is None)
        model += pair("not_finite", *lost, better="low")
    by_class = [class_accuracies(each) for each in counts] + [[None] * len(test.classes)] * (control is None)
    for name, mine, theirs in zip(test.classes, *by_class, strict=True):
        model += pair("class_accuracy", mine, theirs, better="high", subject=name)
    success = success_of(goal, victim, test), success_of(goal, control, test) if control is not None else None
    attack = [
        *pair("success_rate", *success, better="low", headline=True),
        Figure(name="trigger_lost", value=trigger_lost(goal, test), better="low"),
    ]
    return ModelScores(Evidence.of("model", model) | Evidence.of("attack", attack), counts)


def poison_figures(poisoned: Poisoned) -> Iterator[Figure]:
    """Yield the amounts of poison and of cover rows."""
    yield Figure(name="poison_rate", value=poisoned.poison_rate)
    yield Figure(name="poison_rows", value=int((poisoned.role == POISON).sum()), unit="count")
    yield Figure(name="poison_unchanged", value=unchanged(poisoned))
    if covers := int((poisoned.role == COVER).sum()):
        yield Figure(name="cover_rate", value=poisoned.cover_rate)
        yield Figure(name="cover_rows", value=covers, unit="count")


def unchanged(poisoned: Poisoned) -> float | None:
    """Return the share of poison rows that are identical to their originals, including the label; None if unknown."""
    poison = poisoned.role == POISON
    if not bool(poison.any()) or bool((poisoned.origin < 0).any()):
        return None
    base = poisoned.base.subset(poisoned.origin[poison])
    same = (base.x == poisoned.x[poison]).flatten(1).all(1) & (base.y == poisoned.y[poison])
    return int(same.sum()) / len(same)


def trigger_lost(goal: Goal, test: Dataset) -> float | None:
    """Return the share of attacked test rows that the trigger does not change; None without a trigger or such rows."""
    if not isinstance(goal, TriggeredGoal):
        return None
    rows = attacked_rows(goal, test)
    if not len(rows):
        return None
    same = (triggered_rows(goal, rows).x == rows.x).flatten(1).all(1)
    return int(same.sum()) / len(rows)
