"""The referee of repairs: what each does to victim and control."""

import numpy as np

from antivenom.data import Dataset, Goal
from antivenom.defences import Verdict
from antivenom.goals.backdoor import Backdoor
from antivenom.metrics import accuracy, coverage, selective
from antivenom.models import Classifier
from antivenom.repairs import Repair
from antivenom.rng import Rng
from antivenom.runner.scoring.detectors import Found


def mend(
    repairs: dict[str, Repair],
    both: tuple[Classifier, Classifier],
    verdicts: tuple[Verdict | None, Verdict | None],
    goal: Goal,
    test: Dataset,
    clean: Dataset,
    rng: Rng,
) -> Found:
    """What each repair does, beside what it is given.

    `repair.NAME.clean_accuracy` and `.attack_success_rate`, after it; `.accuracy_drop`, what it costs;
    `.control_accuracy`, what it makes of a network that needs none, and `.control_drop`. Accuracy is that of answered
    rows, and a refused row is no success of the attack: `.coverage` is the share of clean rows that get an answer,
    `.control_coverage` the control's, and `.rejected` the share of attacked rows that get none.

    Args:
        repairs: by name.
        both: victim and control.
        verdicts: what a scan said of each.
        goal: what the attacker wants.
        test: rows to measure on.
        clean: the defender's.
        rng: each repair draws from a child of it, the same for victim and control.
    """
    values: dict[str, float | None] = {}
    before = [accuracy(one, test) for one in both]
    for name, repair in repairs.items():
        after = [
            repair.repair(one, clean, rng=rng.child(name), verdict=said)
            for one, said in zip(both, verdicts, strict=True)
        ]
        answered, kept = zip(*(selective(one, test) for one in after), strict=True)
        values |= {
            f"repair.{name}.clean_accuracy": kept[0],
            f"repair.{name}.accuracy_drop": before[0] - kept[0],
            f"repair.{name}.attack_success_rate": goal.success(after[0], test),
            f"repair.{name}.control_accuracy": kept[1],
            f"repair.{name}.control_drop": before[1] - kept[1],
            f"repair.{name}.coverage": answered[0],
            f"repair.{name}.control_coverage": answered[1],
            f"repair.{name}.rejected": rejected(after[0], goal, test),
        }
    return Found(values, {"repair_names": np.array(list(repairs))})


def rejected(classifier: Classifier, goal: Goal, test: Dataset) -> float | None:
    """The share of attacked rows that get no answer; None where the attack has no trigger, or no row to attack."""
    if not isinstance(goal, Backdoor) or not len(attacked := goal.attacked(test)):
        return None
    return 1 - coverage(classifier, goal.triggered(attacked))
