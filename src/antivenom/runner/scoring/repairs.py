"""Scoring repairs: the effect of each on victim and control."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from antivenom.charts import Evidence, Figure, WithEvidence, finite, pair
from antivenom.data import Dataset, Goal
from antivenom.defences import Verdict
from antivenom.defences._scan import undecided
from antivenom.goals import TriggeredGoal, attacked_rows, success_of, triggered_rows
from antivenom.metrics import accuracy, coverage, coverage_and_accuracy
from antivenom.models import Classifier
from antivenom.repairs import Repair, apply_repair
from antivenom.repairs._classes import AssumesOfRows
from antivenom.rng import Rng


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The verdicts of one scan on victim and control; None if no scan was run."""

    victim: Verdict | None = None
    control: Verdict | None = None


def score_repairs(
    repairs: Mapping[str, Repair],
    classifiers: tuple[Classifier, Classifier],
    verdicts: Mapping[str, Verdicts],
    goal: Goal,
    test: Dataset,
    clean: Dataset,
    rng: Rng,
) -> Evidence:
    """Run all repairs on victim and control, and return their figures and charts.

    A repair that requires a verdict leaves a classifier as it is if the scan flags no class of it (`repair_doubts`).
    Accuracy counts only answered rows. A row without an answer does not count as a success of the attack.

    Args:
        repairs: the repairs by name.
        classifiers: victim and control.
        verdicts: the verdicts that each repair receives, by its name.
        goal: the attacker's goal.
        test: the rows to measure on.
        clean: the defender's clean rows.
        rng: each repair uses a child of it, the same for victim and control.
    """
    evidence = Evidence()
    before = [accuracy(one, test) for one in classifiers]
    for name, repair in repairs.items():
        given = verdicts[name]
        victim, control = (
            _applied(repair, one, clean, rng.child(name), verdict)
            for one, verdict in zip(classifiers, (given.victim, given.control), strict=True)
        )
        after = victim.result, control.result
        answered, kept = zip(*(coverage_and_accuracy(one, test) for one in after), strict=True)
        figures = (
            *pair("clean_accuracy", *map(finite, kept), better="high", headline=True),
            *pair(
                "accuracy_drop",
                *(finite(was - now) for was, now in zip(before, kept, strict=True)),
                unit="points",
                better="low",
            ),
            Figure(name="attack_success_rate", value=success_of(goal, after[0], test), better="low", headline=True),
            *pair("coverage", *answered, better="high"),
            Figure(name="rejected", value=rejected(after[0], goal, test)),
        )
        evidence |= Evidence.of(f"repair.{name}", (*figures, *victim.figures), victim.charts)
    return evidence


def repair_doubts(repairs: Mapping[str, Repair], verdicts: Mapping[str, Verdicts], clean: Dataset) -> Iterator[str]:
    """Yield a doubt for each repair that left the victim as it was, because the scan flags no class of it.

    Also yield what a repair assumes about the trusted rows.
    """
    for name, repair in repairs.items():
        verdict = verdicts[name].victim
        if verdict is None or "triggers" not in repair.needs or verdict.is_suspicious:
            if isinstance(repair, AssumesOfRows):
                yield from (f"{name}: {sentence}" for sentence in repair.assumptions_about(clean))
            continue
        unsure = undecided(verdict)
        reason = "" if unsure is None else f" and is inconclusive about {unsure}"
        yield f"{name} did not repair the victim: the scan flags no class{reason}."


def _applied(
    repair: Repair, classifier: Classifier, clean: Dataset, rng: Rng, verdict: Verdict | None
) -> WithEvidence[Classifier]:
    """Return the repaired classifier, or a copy if the repair requires a verdict and the verdict is undecided."""
    if verdict is not None and "triggers" in repair.needs and undecided(verdict) is not None:
        return WithEvidence(classifier.copy())
    return apply_repair(repair, classifier, clean, rng=rng, verdict=verdict)


def rejected(classifier: Classifier, goal: Goal, test: Dataset) -> float | None:
    """Return the share of attacked rows without an answer; None without a trigger or attacked rows."""
    if not isinstance(goal, TriggeredGoal) or not len(attacked := attacked_rows(goal, test)):
        return None
    return 1 - coverage(classifier, triggered_rows(goal, attacked))
