"""Everything that a defender does with one repeat's victim, and with its control."""

from dataclasses import dataclass

from torch import Tensor

from antivenom.data import Dataset, Poisoned
from antivenom.defences import Verdict
from antivenom.models import Checkpoint, Classifier
from antivenom.rng import Rng
from antivenom.runner.executors.stages import Stages
from antivenom.runner.scoring.detectors import Defender, Found, detect
from antivenom.runner.scoring.repairs import mend
from antivenom.runner.scoring.scans import score_scans
from antivenom.runner.scoring.streams import look_back
from antivenom.runner.spec.settings import Experiment


@dataclass(frozen=True, eq=False)
class Defended:
    """What there is to defend, and the truth about it.

    Attributes:
        given: what the defender has.
        both: victim and control.
        ways: how each came to where it is, where checkpoints were kept.
        poisoned: what the victim was trained on.
        came: whether each row of a stream, in its order, is the attacker's; None where there is no stream.
        test: rows to measure on.
    """

    given: Defender
    both: tuple[Classifier, Classifier]
    ways: tuple[tuple[Checkpoint, ...], tuple[Checkpoint, ...]]
    poisoned: Poisoned
    came: Tensor | None
    test: Dataset


def defended(experiment: Experiment, stages: Stages, what: Defended, rng: Rng, number: int) -> Found:
    """What detectors, defences of streams, scans and repairs find and do, in this order."""
    clean, goal, test = what.given.clean, what.poisoned.goal, what.test
    found = []
    if detectors := experiment.detectors:
        stream = rng.child("detect")
        found.append(stages.timed(number, "defend", lambda: detect(detectors, what.poisoned, what.given, stream)))
    if (streams := experiment.stream_defences) and what.came is not None:
        asked = (streams, what.ways, what.came, goal, test, clean, rng.child("blame"))
        found.append(stages.timed(number, "look back", lambda: look_back(*asked)))
    verdicts: dict[str, tuple[Verdict, Verdict]] = {}
    for name, scan in experiment.scans.items():
        said = [
            stages.scan(who, name, scan, one, clean, rng.child("scan", name), number)
            for who, one in zip(("victim", "control"), what.both, strict=True)
        ]
        verdicts[name] = (said[0], said[1])
    if verdicts:
        found.append(score_scans(verdicts, goal, test))
    if menders := experiment.menders:
        first = next(iter(verdicts.values()), (None, None))
        given = (menders, what.both, first, goal, test, clean, rng.child("repair"))
        found.append(stages.timed(number, "repair", lambda: mend(*given)))
    return Found(
        {name: value for each in found for name, value in each.values.items()},
        {name: array for each in found for name, array in each.scores.items()},
    )
