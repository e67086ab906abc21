"""Measure how well the paper's countermeasure, a loss monitor, detects each attack, and an attack that evades it.

    python -m benchmarks.poison_detection [--quick] [--json FILE]

A trained MNIST victim (784-64-10, data in $ANTIVENOM_DATA) receives 300 poisoned rows and 4,000 new clean rows. The
threshold of the monitor is set for 1 % false alarms on 4,000 other clean rows. `damage` is the drop of test accuracy
(2,000 rows) after one step on a single poison. The settings of the stealthy attack were chosen on another victim and
other rows. The seeds used here were not used before. Intervals are over victims.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from antivenom import Rng, load
from antivenom.attacks import GenerativePoison, GradientPoison, LabelFlip, LossPoison, RandomNoise
from antivenom.attacks.victim_step import VictimStep, accuracy_after_step
from antivenom.data import Dataset
from antivenom.defences.loss_monitor import LossMonitor
from antivenom.metrics import accuracy, auroc, share_above, threshold_for, tpr_at_fpr
from antivenom.models import is_module
from antivenom.models.mlp import MLP
from antivenom.training.end_to_end import EndToEnd
from benchmarks.machine import machine
from benchmarks.poison_crafting import interval

STEP = VictimStep(learning_rate=0.05, bias_rate_factor=2.0)
POISONS, HARMED = 300, 40


def attacks() -> dict[str, Any]:
    """Return the attacks."""
    return {
        "random noise": RandomNoise(count=POISONS),
        "hardest rows": LossPoison(count=POISONS),
        "flips": LabelFlip(count=POISONS),
        "gradient, the paper's rounds": GradientPoison(count=POISONS, rounds=5, step_size=0.2),
        "gradient": GradientPoison(count=POISONS),
        "generative, the paper's feedback": GenerativePoison(count=POISONS, feedback="sign", batch_size=1),
        "generative, exact feedback": GenerativePoison(count=POISONS),
        "gradient, stealthy": GradientPoison(
            count=POISONS, stealth=10, stealth_limit=2, rounds=60, step_size=0.05, decay=True
        ),
    }


def measured(seed: int, train: Dataset, test: Dataset) -> tuple[float, dict[str, dict[str, float]]]:
    """Return the accuracy of a victim, and the detection and damage of each attack."""
    rng = Rng(seed)
    blank = MLP(hidden=(64,)).build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=rng.child("model"))
    victim = EndToEnd(epochs=5).fit(blank, train, rng=rng.child("fit"))
    assert is_module(victim)
    order = rng.child("rows").order(test.ids)
    known, coming, rest = (test.subset(part) for part in (order[:4000], order[4000:8000], order[8000:]))
    monitor = LossMonitor()

    def losses(rows: Dataset) -> Tensor:
        return monitor.score(rows, victim, rng=rng)

    threshold = threshold_for(losses(known), monitor.false_alarm_rate)
    clean, accuracy_before = losses(coming), accuracy(victim, rest)
    figures = {}
    for name, attack in attacks().items():
        poisoned = attack.poison(train, rng=rng.child("attack"), surrogate=victim)
        scores = torch.cat([clean, losses(poisoned.data.subset(poisoned.rows))])
        is_poison = torch.arange(len(scores)) >= len(clean)
        x, y = train.decode(poisoned.x[:HARMED]), poisoned.y[:HARMED]
        figures[name] = {
            "auroc": auroc(scores, is_poison) or 0.0,
            "caught_at_1_percent": tpr_at_fpr(scores, is_poison, 0.01) or 0.0,
            "caught": share_above(scores[is_poison], threshold),
            "false_alarms": share_above(clean, threshold),
            "damage": accuracy_before - float(accuracy_after_step(victim, STEP, x, y, rest).mean()),
        }
    return accuracy_before, figures


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two victims instead of five")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    data = load("mnist")
    seeds = range(100, 102) if arguments.quick else range(100, 105)
    runs = [measured(seed, data.train, data.test) for seed in seeds]
    names = list(runs[0][1])
    table = {
        name: {
            figure: interval(torch.tensor([run[1][name][figure] for run in runs], dtype=torch.float64))
            for figure in runs[0][1][name]
        }
        for name in names
    }
    kept = [run[1]["gradient, stealthy"]["damage"] / run[1]["gradient"]["damage"] for run in runs]
    result = {
        "machine": machine(),
        "victims": len(runs),
        "victim_accuracy": [run[0] for run in runs],
        "attacks": table,
        "damage_that_stealth_keeps": interval(torch.tensor(kept, dtype=torch.float64)),
    }
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
