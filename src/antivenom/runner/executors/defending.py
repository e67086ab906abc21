"""Running all defences and repairs of one repeat, on its victim and its control."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from antivenom.charts import Evidence, Table
from antivenom.data import Dataset, Poisoned
from antivenom.defences import Verdict
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages, threads_of
from antivenom.runner.scoring.detectors import RowScores, score_detectors
from antivenom.runner.scoring.doubts import same_scores
from antivenom.runner.scoring.filters import score_filters
from antivenom.runner.scoring.pair import Pair
from antivenom.runner.scoring.repairs import Verdicts, repair_doubts, score_repairs
from antivenom.runner.scoring.scans import score_scans
from antivenom.runner.scoring.streams import score_stream_defences
from antivenom.runner.scoring.trusted import Defender
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings.finite_scores import ROWS_PROBED, undefined_rows
from antivenom.shapes import Roles


@dataclass(frozen=True, eq=False)
class DefenceInputs:
    """The models and data that defences are run on, and the truth about them.

    Args:
        defender: the models and clean rows that the defender has.
        pair: victim and control.
        poisoned: the data that the victim was trained on.
        roles: the role of each row of the stream, in its order (n); None if the training does not read a stream.
        test: the rows to measure on.
    """

    defender: Defender
    pair: Pair
    poisoned: Poisoned
    roles: Roles | None
    test: Dataset


@dataclass(frozen=True, eq=False)
class DefenceResults:
    """The results of all defences: figures and charts, the scores of each row by detector, and doubts about scores."""

    evidence: Evidence = field(default_factory=Evidence)
    rows: Mapping[str, RowScores] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def run_defences(
    experiment: ExperimentSettings, stages: Stages, inputs: DefenceInputs, rng: Rng, number: int
) -> DefenceResults:
    """Run and score detectors, filters, stream defences, scans and repairs, in this order."""
    clean, goal, test, pair = inputs.defender.clean, inputs.poisoned.goal, inputs.test, inputs.pair
    if diverged := _diverged(pair, clean):
        return DefenceResults(doubts=(f"No defence was run: the scores of the {diverged} are not finite.",))
    threads = threads_of(pair.victim.classifier, test)
    evidence = Evidence()
    rows: dict[str, RowScores] = {}
    suspicions: dict[str, Tensor] = {}
    if detectors := experiment.detectors:
        stream = rng.child("detect")
        score = lambda: score_detectors(detectors, inputs.poisoned, inputs.defender, stream)  # noqa: E731
        evidence, rows = stages.timed(number, "defend", score, threads=threads)
    if filters := experiment.filters:
        filter_inputs = (filters, pair.classifiers, goal, test, clean, rng.child("filter"))
        own, suspicions = stages.timed(number, "filter", lambda: score_filters(*filter_inputs), threads=threads)
        evidence |= own
    if (streams := experiment.stream_defences) and inputs.roles is not None:
        stream_inputs = (streams, pair.paths, inputs.roles, goal, test, clean, rng.child("blame"))
        evidence |= stages.timed(number, "look back", lambda: score_stream_defences(*stream_inputs), threads=threads)
    verdicts = run_scans(experiment, stages, pair, clean, rng, number)
    doubts = tuple(f"{name}: {sentence}" for name, (victim, _) in verdicts.items() for sentence in victim.doubts)
    if verdicts:
        evidence |= score_scans(verdicts, goal, test) | untested(verdicts)
    if repairs := experiment.repairs_by_name:
        given = dict.fromkeys(repairs, _with_triggers(verdicts))
        doubts += tuple(repair_doubts(repairs, given, clean))
        repair_inputs = (repairs, pair.classifiers, given, goal, test, clean, rng.child("repair"))
        evidence |= stages.timed(number, "repair", lambda: score_repairs(*repair_inputs), threads=threads)
    scores = {"detector": {name: each.scores for name, each in rows.items()}, "filter": suspicions}
    same = (each for kind in scores for each in same_scores(kind, scores[kind]))
    return DefenceResults(evidence, rows, (*same, *doubts))


def run_scans(
    experiment: ExperimentSettings, stages: Stages, pair: Pair, clean: Dataset, rng: Rng, number: int
) -> dict[str, tuple[Verdict, Verdict]]:
    """Run every scan, and return its verdicts on victim and control."""
    verdicts = {}
    for name, scan in experiment.scans.items():
        victim, control = (
            stages.scan(who, name, scan, one, clean, rng.child("scan", name), number)
            for who, one in zip(("victim", "control"), pair.classifiers, strict=True)
        )
        verdicts[name] = (victim, control)
    return verdicts


def _diverged(pair: Pair, clean: Dataset) -> str:
    """Return which of victim and control has scores that are not finite, in words; "" if neither has."""
    rows = clean.inputs(slice(0, ROWS_PROBED))
    named = zip(("victim", "control"), pair.classifiers, strict=True)
    return " and ".join(who for who, each in named if bool(undefined_rows(each.scores(rows)).any()))


def untested(verdicts: Mapping[str, tuple[Verdict, Verdict]]) -> Evidence:
    """Return a table for each scan of what it cannot detect."""
    evidence = Evidence()
    for name, (victim, _) in verdicts.items():
        if victim.untested:
            table = Table(
                name="untested",
                columns=("what this scan cannot detect",),
                rows=tuple((sentence,) for sentence in victim.untested),
                alt=f"What {name} cannot detect: {' '.join(victim.untested)}",
            )
            evidence |= Evidence.of(f"scan.{name}", charts=[table])
    return evidence


def _with_triggers(verdicts: Mapping[str, tuple[Verdict, Verdict]]) -> Verdicts:
    """Return the verdicts of the first scan that recovers triggers, or of the first scan if none does."""
    recovering = [each for each in verdicts.values() if each[0].triggers is not None]
    first = next(iter(recovering or verdicts.values()), None)
    return Verdicts() if first is None else Verdicts(*first)
