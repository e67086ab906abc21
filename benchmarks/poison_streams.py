"""Compare poison that follows the victim along a stream with poison that is crafted once.

    python -m benchmarks.poison_streams [--quick] [--json FILE]

A trained MNIST victim (784-64-10, data in $ANTIVENOM_DATA) continues to learn from single rows: one poison, then some
clean rows that the attacker does not know, and so on. The attacker knows only the weights of the victim at the start,
and simulates the stream with its own clean rows. The figure is the mean accuracy on 2,000 test rows, measured after
every poison, over the first 10, 50 and 200 poisons. Lower is better for the attacker. All arms use the same victims,
clean rows and bases (except flips of one class). Intervals are over seeds, each with its own victim.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from antivenom import Rng, load
from antivenom.attacks import GradientPoison, LabelFlip
from antivenom.attacks.victim_step import VictimStep
from antivenom.data import Dataset
from antivenom.models import ModuleClassifier, is_module
from antivenom.models.mlp import MLP
from antivenom.training.end_to_end import EndToEnd
from benchmarks.machine import machine
from benchmarks.poison_crafting import interval

CASES = ((0.002, 4), (0.01, 4), (0.05, 0))
"""Pairs of a learning rate and the number of clean rows after each poison."""
POISONS = 200
UPTO = (10, 50, 200)
BIAS = 2.0
NORMALS = 100


def stream(
    victim: ModuleClassifier,
    step: VictimStep,
    x: Tensor,
    y: Tensor,
    data: Dataset,
    test: Dataset,
    rng: Rng,
    between: int,
) -> Tensor:
    """Return the accuracy after each poison, before the clean rows that follow it (m)."""
    learner = victim.copy()
    learner.module.eval()
    names, weights = zip(*learner.module.named_parameters(), strict=True)
    chosen = rng.child("clean").order(data.ids)[: len(x) * between]
    clean_x, clean_y, rows = data.inputs(chosen), data.y[chosen], test.inputs()
    accuracies = []

    def learn(row: Tensor, label: Tensor) -> None:
        slopes = torch.autograd.grad(functional.cross_entropy(learner.logits(row[None]), label[None]), weights)
        with torch.no_grad():
            for name, weight, slope in zip(names, weights, slopes, strict=True):
                weight.sub_(slope, alpha=step.rate(name))

    for number in range(len(x)):
        learn(x[number], y[number])
        with torch.no_grad():
            accuracies.append(float((learner.logits(rows).argmax(1) == test.y).float().mean()))
        for place in range(number * between, (number + 1) * between):
            learn(clean_x[place], clean_y[place])
    return torch.tensor(accuracies, dtype=torch.float64)


def arms(rate: float, between: int) -> dict[str, Any]:
    """Return the attacks to compare, by name."""
    shared: dict[str, Any] = {
        "count": POISONS,
        "victim_learning_rate": rate,
        "bias_rate_factor": BIAS,
        "normals": NORMALS,
    }
    return {
        "flips of all classes": GradientPoison(rounds=0, **shared),
        "flips of one class": LabelFlip(count=POISONS, pairs=((3, 4),)),
        "static greedy": GradientPoison(**shared),
        "recraft": GradientPoison(recraft=True, between=between, **shared),
        "horizon 10": GradientPoison(horizon=10, between=between, **shared),
    }


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, one learning rate")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    data = load("mnist")
    test = data.test.subset(torch.arange(2000))
    seeds, cases = (range(1), CASES[1:2]) if arguments.quick else (range(5), CASES)
    areas: dict[str, dict[str, list[Tensor]]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in seeds:
        rng = Rng(seed)
        blank = MLP(hidden=(64,)).build(
            input_shape=data.train.shape, classes=10, bounds=data.train.bounds, rng=rng.child("model")
        )
        victim = EndToEnd(epochs=5).fit(blank, data.train, rng=rng.child("fit"))
        assert is_module(victim)
        for rate, between in cases:
            step = VictimStep(rate, BIAS)
            for name, attack in arms(rate, between).items():
                began = time.perf_counter()
                poisoned = attack.poison(data.train, rng=rng.child("attack"), surrogate=victim)
                seconds.setdefault(name, []).append(time.perf_counter() - began)
                rows_by_arm = {name: (data.train.decode(poisoned.x), poisoned.y)}
                if name == "flips of all classes":
                    rows_by_arm["clean rows alone"] = (data.train.inputs(poisoned.rows), data.train.y[poisoned.rows])
                for arm, (x, y) in rows_by_arm.items():
                    curve = stream(victim, step, x, y, data.train, test, rng.child("stream"), between)
                    upto = torch.tensor([float(curve[:count].mean()) for count in UPTO], dtype=torch.float64)
                    areas.setdefault(f"rate {rate}, {between} between", {}).setdefault(arm, []).append(upto)
    result = {
        "machine": machine(),
        "seeds": len(seeds),
        "area": {
            rate: {arm: _table(torch.stack(each)) for arm, each in by_arm.items()} for rate, by_arm in areas.items()
        },
        "horizon 10, less": {
            rate: {
                arm: _table(torch.stack(by_arm["horizon 10"]) - torch.stack(each))
                for arm, each in by_arm.items()
                if arm != "horizon 10"
            }
            for rate, by_arm in areas.items()
        },
        "seconds_to_craft": {name: sum(each) / len(each) for name, each in seconds.items()},
    }
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _table(values: Tensor) -> dict[str, dict[str, float]]:
    return {str(count): interval(values[:, place]) for place, count in enumerate(UPTO)}


if __name__ == "__main__":
    main()
