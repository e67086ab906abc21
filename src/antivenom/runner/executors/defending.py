"""Everything that a defender does with one repeat's victim, and with its control."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from antivenom.charts import Evidence, Table
from antivenom.data import Dataset, Poisoned
from antivenom.defences import Verdict
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages, threads_of
from antivenom.runner.scoring.detectors import RowScores, score_detectors
from antivenom.runner.scoring.filters import score_filters
from antivenom.runner.scoring.pair import Pair
from antivenom.runner.scoring.repairs import Verdicts, score_repairs
from antivenom.runner.scoring.scans import score_scans
from antivenom.runner.scoring.streams import score_stream_defences
from antivenom.runner.scoring.trusted import Defender
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.shapes import Roles


@dataclass(frozen=True, eq=False)
class DefenceInputs:
    """What there is to defend, and the truth about it.

    Args:
        defender: what the defender has.
        pair: victim and control.
        poisoned: what the victim was trained on.
        roles: the role of each row of a stream, in its order (n); None where there is no stream.
        test: rows to measure on.
    """

    defender: Defender
    pair: Pair
    poisoned: Poisoned
    roles: Roles | None
    test: Dataset


@dataclass(frozen=True, eq=False)
class DefenceResults:
    """What the defences found: figures and charts, and each row's scores by detector."""

    evidence: Evidence = field(default_factory=Evidence)
    rows: Mapping[str, RowScores] = field(default_factory=dict)


def run_defences(
    experiment: ExperimentSettings, stages: Stages, inputs: DefenceInputs, rng: Rng, number: int
) -> DefenceResults:
    """Run and score detectors, filters, stream defences, scans and repairs, in this order."""
    clean, goal, test, pair = inputs.defender.clean, inputs.poisoned.goal, inputs.test, inputs.pair
    threads = threads_of(pair.victim.classifier, test)
    evidence = Evidence()
    rows: dict[str, RowScores] = {}
    if detectors := experiment.detectors:
        stream = rng.child("detect")
        score = lambda: score_detectors(detectors, inputs.poisoned, inputs.defender, stream)  # noqa: E731
        evidence, rows = stages.timed(number, "defend", score, threads=threads)
    if filters := experiment.filters:
        asked = (filters, pair.classifiers, goal, test, clean, rng.child("filter"))
        evidence |= stages.timed(number, "filter", lambda: score_filters(*asked), threads=threads)
    if (streams := experiment.stream_defences) and inputs.roles is not None:
        looked = (streams, pair.paths, inputs.roles, goal, test, clean, rng.child("blame"))
        evidence |= stages.timed(number, "look back", lambda: score_stream_defences(*looked), threads=threads)
    verdicts = run_scans(experiment, stages, pair, clean, rng, number)
    if verdicts:
        evidence |= score_scans(verdicts, goal, test) | untested(verdicts)
    if repairs := experiment.repairs_by_name:
        given = dict.fromkeys(repairs, _with_triggers(verdicts))
        repaired = (repairs, pair.classifiers, given, goal, test, clean, rng.child("repair"))
        evidence |= stages.timed(number, "repair", lambda: score_repairs(*repaired), threads=threads)
    return DefenceResults(evidence, rows)


def run_scans(
    experiment: ExperimentSettings, stages: Stages, pair: Pair, clean: Dataset, rng: Rng, number: int
) -> dict[str, tuple[Verdict, Verdict]]:
    """The verdicts of every scan on victim and control."""
    verdicts = {}
    for name, scan in experiment.scans.items():
        victim, control = (
            stages.scan(who, name, scan, one, clean, rng.child("scan", name), number)
            for who, one in zip(("victim", "control"), pair.classifiers, strict=True)
        )
        verdicts[name] = (victim, control)
    return verdicts


def untested(verdicts: Mapping[str, tuple[Verdict, Verdict]]) -> Evidence:
    """What each scan cannot see, as a table."""
    evidence = Evidence()
    for name, (victim, _) in verdicts.items():
        if victim.untested:
            table = Table(
                name="untested",
                columns=("what this scan does not see",),
                rows=tuple((sentence,) for sentence in victim.untested),
                alt=f"What {name} does not see: {' '.join(victim.untested)}",
            )
            evidence |= Evidence.of(f"scan.{name}", charts=[table])
    return evidence


def _with_triggers(verdicts: Mapping[str, tuple[Verdict, Verdict]]) -> Verdicts:
    """The verdicts of the first scan that recovers triggers; of the first scan where none does."""
    recovering = [each for each in verdicts.values() if each[0].triggers is not None]
    first = next(iter(recovering or verdicts.values()), None)
    return Verdicts() if first is None else Verdicts(*first)
