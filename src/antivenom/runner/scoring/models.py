"""The referee's figures for one victim and its control."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.attacks._victim_step import VictimStep, after_one_step
from antivenom.data import Dataset, Goal, Poisoned, Scorer
from antivenom.goals.backdoor import Backdoor
from antivenom.metrics import accuracy, accuracy_from, class_accuracies, confusion, summary
from antivenom.models import Classifier, is_module, predictions
from antivenom.runner.executors.stages import Fitted

EXAMPLES = 8
TRAJECTORY_ROWS = 2000
ROUNDS, ROUND_ROWS = 11, 1000
"""How many rounds, at most, and on how many test rows accuracy is told by round."""
NOT_SHARES = {
    "filters_apart",
    "accuracy_drop",
    "poison_rows",
    "victim_loss",
    "control_loss",
    "turned_after",
    "control_turned_after",
}

NOT_SHARES_IN = ("moved.", "control_moved.", "appears.", "cka.")


@dataclass(frozen=True)
class Measured:
    """Figures by name, and the confusion matrices (2, classes, classes) of victim and control."""

    values: dict[str, float | None]
    confusion: Tensor


def measure(poisoned: Poisoned, victim: Fitted, control: Fitted, test: Dataset) -> Measured:
    """Everything that is measured of one repeat; None where a figure does not apply."""
    judged = judge(poisoned.goal, victim.classifier, control.classifier, test)
    values = {
        **judged.values,
        "poison_rate": poisoned.poison_rate,
        "poison_rows": len(poisoned.rows),
        "poison_unchanged": unchanged(poisoned),
        "victim_loss": _finite(*victim.losses[-1:]),
        "control_loss": _finite(*control.losses[-1:]),
    }
    return Measured(values, judged.confusion)


def judge(goal: Goal, victim: Scorer, control: Scorer | None, test: Dataset) -> Measured:
    """What can be measured of finished classifiers alone; what is the control's is None where there is none."""
    both = torch.stack([confusion(one, test) for one in (victim, control) if one is not None])
    clean, without = accuracy_from(both[0]), accuracy_from(both[1]) if control else math.nan
    values: dict[str, float | None] = {
        "clean_accuracy": _finite(clean),
        "control_accuracy": _finite(without),
        "accuracy_drop": _finite(without - clean),
        "attack_success_rate": goal.success(victim, test),
        "control_attack_success_rate": goal.success(control, test) if control else None,
        "trigger_lost": _trigger_lost(goal, test),
    }
    for prefix, counts in zip(("class_accuracy", "control_class_accuracy"), [*both, None], strict=False):
        found = [None] * len(test.classes) if counts is None else class_accuracies(counts)
        for name, value in zip(test.classes, found, strict=True):
            values[f"{prefix}.{name}"] = value
    return Measured(values, both)


def summarise(repeats: list[dict[str, float | None]]) -> dict[str, dict[str, float | int | None]]:
    """Each figure's mean, n and 95 % interval over the repeats."""
    return {name: summary([values[name] for values in repeats], share=_is_share(name)) for name in repeats[0]}


def _is_share(name: str) -> bool:
    """Whether a figure lies between 0 and 1 whatever happens."""
    return name not in NOT_SHARES and not name.startswith(NOT_SHARES_IN) and not name.endswith((".regained", "_drop"))


def examples(poisoned: Poisoned, victim: Scorer, control: Scorer, test: Dataset) -> dict[str, Tensor]:
    """Rows worth looking at: poison beside what it was made from, and test rows that fool the victim."""
    return {**contributed(poisoned), **attempts(poisoned.goal, victim, control, test)}


def by_round(
    poisoned: Poisoned, surrogate: Classifier | None, step: VictimStep | None, test: Dataset
) -> dict[str, Tensor]:
    """What some poisons do to the surrogate in one step, after each round of their crafting.

    `round_numbers` (r) and `round_accuracy` (m, r); round 0 is the base row with the poison's label.
    """
    if poisoned.rounds is None or not is_module(surrogate) or step is None or not len(poisoned.x):
        return {}
    rounds = poisoned.rounds.shape[1]
    chosen = _spread(poisoned.y, poisoned.origin >= 0)
    numbers = torch.linspace(0, rounds, min(rounds + 1, ROUNDS)).round().long().unique()
    few = test.subset(torch.arange(min(len(test), ROUND_ROWS), device=test.device))
    y, found = poisoned.y[chosen], []
    for number in numbers.tolist():
        x = poisoned.rounds[chosen, number - 1] if number else poisoned.base.x[poisoned.origin[chosen]]
        found.append(after_one_step(surrogate, step, test.decode(x), y, few))
    return {
        "poison_rounds": poisoned.rounds[chosen],
        "round_numbers": numbers,
        "round_accuracy": torch.stack(found, 1),
    }


def trajectory(
    goal: Goal,
    fitted: tuple[Fitted, Fitted],
    start: Classifier | None,
    test: Dataset,
) -> dict[str, Tensor]:
    """Victim's and control's clean accuracy and attack success along the way, from their checkpoints.

    `trajectory_rows` (k): after how many rows; `trajectory_accuracy` and `trajectory_success` (2, k), NaN where there
    is no success. The start comes first, where there is one.
    """
    few = test.subset(torch.arange(min(len(test), TRAJECTORY_ROWS), device=test.device))
    ways = [one.path_from(start) for one in fitted]
    steps = min(map(len, ways))
    accuracies, successes = [], []
    for way in ways:
        stood = [each.classifier for each in way[:steps]]
        accuracies.append([accuracy(each, few) for each in stood])
        found = [goal.success(each, few) for each in stood]
        successes.append([math.nan if each is None else each for each in found])
    return {
        "trajectory_rows": torch.tensor([each.rows for each in ways[0][:steps]]),
        "trajectory_accuracy": torch.tensor(accuracies, dtype=torch.float64),
        "trajectory_success": torch.tensor(successes, dtype=torch.float64),
    }


def contributed(poisoned: Poisoned) -> dict[str, Tensor]:
    """Contributed rows, spread over the labels they got, each beside the row that it was made from."""
    chosen = _spread(poisoned.y, poisoned.origin >= 0)
    origin = poisoned.origin[chosen]
    return {
        "poison_before": poisoned.base.x[origin],
        "poison_after": poisoned.x[chosen],
        "poison_label_before": poisoned.base.y[origin],
        "poison_label_after": poisoned.y[chosen],
    }


def attempts(goal: Goal, victim: Scorer, control: Scorer | None, test: Dataset) -> dict[str, Tensor]:
    """Test rows: with the trigger where there is one, otherwise rows that the victim gets wrong and the control right.

    What the control says of them is -1 where there is none.
    """
    if isinstance(goal, Backdoor):
        attacked = goal.attacked(test)
        rows = attacked.subset(_spread(attacked.y, torch.ones_like(attacked.y, dtype=torch.bool)))
        after = goal.triggered(rows)
    else:
        wrong = predictions(victim, test) != test.y
        if control is not None:
            wrong &= predictions(control, test) == test.y
        rows = after = test.subset(_spread(test.y, wrong))
    return {
        "attempt_before": rows.x,
        "attempt_after": after.x,
        "attempt_label": rows.y,
        "attempt_victim_before": predictions(victim, rows),
        "attempt_victim": predictions(victim, after),
        "attempt_control": torch.full_like(rows.y, -1) if control is None else predictions(control, after),
    }


def _spread(labels: Tensor, eligible: Tensor) -> Tensor:
    """Up to `EXAMPLES` eligible positions, one of each label in turn, the first first."""
    positions = torch.nonzero(eligible).flatten()
    turns = torch.zeros_like(positions)
    for label in labels[positions].unique():
        mine = labels[positions] == label
        turns[mine] = torch.arange(int(mine.sum()), device=turns.device)
    return positions[torch.argsort(turns * (int(labels.max()) + 1 if len(labels) else 1) + labels[positions])][
        :EXAMPLES
    ]


def unchanged(poisoned: Poisoned) -> float | None:
    """The share of the contributed rows that are the rows they were made from, label and all."""
    if not len(poisoned.rows) or bool((poisoned.origin < 0).any()):
        return None
    base = poisoned.base.subset(poisoned.origin)
    same = (base.x == poisoned.x).flatten(1).all(1) & (base.y == poisoned.y)
    return int(same.sum()) / len(same)


def _trigger_lost(goal: Goal, test: Dataset) -> float | None:
    if not isinstance(goal, Backdoor):
        return None
    rows = goal.attacked(test)
    if not len(rows):
        return None
    same = (goal.triggered(rows).x == rows.x).flatten(1).all(1)
    return int(same.sum()) / len(rows)


def _finite(value: float = math.nan) -> float | None:
    return value if math.isfinite(value) else None
