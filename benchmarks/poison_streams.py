"""Poison in a stream, with clean rows between: what following the victim is worth.

    python -m benchmarks.poison_streams [--quick] [--json FILE]

An MNIST victim (784-64-10, below $ANTIVENOM_DATA) that has been trained learns on from single rows: one poison, some
clean rows that the attacker never saw, and so on. The attacker knows the victim's weights at the start, and nothing
after that: it plays the stream with clean rows of its own. The figure is the area under the curve of accuracy over
poisons (2,000 test rows, after every poison), up to 10, 50 and 200 poisons; lower is better for the attacker. Every arm
has the same victims, bases (but for flips of one class) and clean rows; intervals are over seeds, each with its own
victim.
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
from antivenom.attacks._victim_step import VictimStep
from antivenom.data import Dataset
from antivenom.models import ModuleClassifier, is_module
from antivenom.models.mlp import MLP
from antivenom.training.end_to_end import EndToEnd
from benchmarks.machine import machine
from benchmarks.poison_crafting import interval

CASES = ((0.002, 4), (0.01, 4), (0.05, 0))
"""Learning rates, and clean rows after each poison."""
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
    """The accuracy after each poison and before its clean rows (m)."""
    fed = victim.copy()
    fed.module.eval()
    names, weights = zip(*fed.module.named_parameters(), strict=True)
    chosen = rng.child("clean").order(data.ids)[: len(x) * between]
    clean_x, clean_y, rows = data.inputs(chosen), data.y[chosen], test.inputs()
    found = []

    def learn(row: Tensor, label: Tensor) -> None:
        slopes = torch.autograd.grad(functional.cross_entropy(fed.logits(row[None]), label[None]), weights)
        with torch.no_grad():
            for name, weight, slope in zip(names, weights, slopes, strict=True):
                weight.sub_(slope, alpha=step.rate(name))

    for number in range(len(x)):
        learn(x[number], y[number])
        with torch.no_grad():
            found.append(float((fed.logits(rows).argmax(1) == test.y).float().mean()))
        for place in range(number * between, (number + 1) * between):
            learn(clean_x[place], clean_y[place])
    return torch.tensor(found, dtype=torch.float64)


def arms(rate: float, between: int) -> dict[str, Any]:
    """The attacks that are compared, and what they are called."""
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
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, one learning rate")
    parser.add_argument("--json", type=Path)
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
                made = attack.poison(data.train, rng=rng.child("attack"), surrogate=victim)
                seconds.setdefault(name, []).append(time.perf_counter() - began)
                fed = {name: (data.train.decode(made.x), made.y)}
                if name == "flips of all classes":
                    fed["clean rows alone"] = (data.train.inputs(made.rows), data.train.y[made.rows])
                for arm, (x, y) in fed.items():
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
