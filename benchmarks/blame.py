"""Measure if `blame` names the right moment in streams of digits with a burst of poison, and in clean streams.

    python -m benchmarks.blame [--quick] [--json FILE]

An MLP 64-64-10 is warmed up on 600 rows. Then it learns from 2,000 rows, one by one, which are drawn with replacement
from the other training rows. A burst of poison replaces rows at a point between 20 and 80 % of the stream, or at its
end. `blame` receives 112 test rows; accuracy is measured on the other 338. A window is right if it begins within 100
rows of the first poison. The settings of `blame` were chosen on seeds 100 to 109; the reported figures use seeds 0 to
9. There are two baselines: the window before the highest loss, which always raises an alarm, and a random window.
"""

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from antivenom import Rng, load
from antivenom.arrivals.at_point import AtPoint
from antivenom.attacks import GradientPoison, LabelFlip
from antivenom.data import CLEAN, Dataset
from antivenom.defences.blame import Blame
from antivenom.metrics import accuracy
from antivenom.models import Checkpoint, Classifier
from antivenom.models.mlp import MLP
from antivenom.training import Epoch
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.online import Online
from benchmarks.machine import machine

ROWS, NEAR = 2000, 100
WARM_UP = EndToEnd(epochs=20, learning_rate=3e-3, batch_size=64)


@dataclass(frozen=True)
class Case:
    """A kind of stream."""

    attack: str = "flip"
    count: int = 50
    learning_rate: float = 0.01
    checkpoints: int = 40
    at_end: bool = False


CASES = {
    "clean": Case(count=0),
    "clean, 100 checkpoints": Case(count=0, checkpoints=100),
    "clean, learning rate 0.05": Case(count=0, learning_rate=0.05),
    "50 flips": Case(),
    "50 gradient poisons": Case(attack="gradient"),
    "50 flips, 100 checkpoints": Case(checkpoints=100),
    "50 flips, 20 checkpoints": Case(checkpoints=20),
    "50 flips, learning rate 0.05": Case(learning_rate=0.05),
    "20 flips": Case(count=20),
    "50 flips at the end": Case(at_end=True),
    "50 gradient poisons at the end": Case(attack="gradient", at_end=True),
}


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 seeds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    seeds = range(3 if arguments.quick else 10)
    result: dict[str, Any] = {"machine": machine(), "seeds": len(seeds), "cases": {}}
    for name, case in CASES.items():
        runs = [one(case, seed) for seed in seeds]
        result["cases"][name] = {
            key: sum(values) if key.startswith(("alarm", "right")) else sum(values) / len(values)
            for key in runs[0]
            if (values := [each[key] for each in runs])
        }
        print(name, {key: round(value, 3) for key, value in result["cases"][name].items()}, flush=True)
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def one(case: Case, seed: int) -> dict[str, float]:
    """Create one stream, run `blame` on it and return the scores."""
    path, first, attacked, validation, test = stream(case, seed)
    verdict = Blame().blame(path, validation, rng=Rng(seed))
    places = {
        "blame": None if verdict.window is None else verdict.window[0],
        "highest_loss": path[max(1, int(verdict.signal.argmax())) - 1].rows,
        "random": path[int(torch.randint(0, len(path) - 1, (1,), generator=Rng(seed).child("w").generator()))].rows,
    }
    scores: dict[str, float] = {"alarm": verdict.window is not None}
    if first is not None:
        is_right = {f"right_{who}": place is not None and abs(place - first) <= NEAR for who, place in places.items()}
        back, last = verdict.last_good.classifier, path[-1].classifier
        scores |= is_right | {
            "accuracy_before": accuracy(path[0].classifier, test),
            "accuracy_at_worst": min(accuracy(each.classifier, test) for each in path),
            "accuracy_at_the_end": accuracy(last, test),
            "accuracy_gone_back": accuracy(back, test),
            "clean_rows_lost": float((~attacked[verdict.last_good.rows :]).sum()) / float((~attacked).sum()),
        }
    return scores


def stream(case: Case, seed: int) -> tuple[list[Checkpoint], int | None, torch.Tensor, Dataset, Dataset]:
    """Return checkpoints, position of the first poison or None, mask of poison, rows for `blame`, other rows."""
    digits, rng = load("digits"), Rng(seed)
    order = rng.child("rows").order(digits.train.ids)
    known, pool = digits.train.subset(order[:600]), digits.train.subset(order[600:])
    drawn = torch.randint(0, len(pool), (ROWS,), generator=rng.child("draw").generator())
    base = replace(pool.subset(drawn), ids=torch.arange(10_000, 10_000 + ROWS))
    blank = MLP(hidden=(64,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=rng.child("model"))
    start = WARM_UP.fit(blank, known, rng=rng.child("warm-up"))
    data, attacked = base, torch.zeros(ROWS, dtype=torch.bool)
    if case.count:
        point = 1.0 if case.at_end else 0.2 + 0.6 * float(torch.rand(1, generator=rng.child("point").generator()))
        poisoned = attack_of(case).poison(base, rng=rng.child("attack"), surrogate=surrogate(case, known, blank, rng))
        order_of_arrival = AtPoint(point=point).arrange(poisoned.roles, poisoned.data.ids, rng.child("arrival"))
        data, attacked = poisoned.data.subset(order_of_arrival), poisoned.roles[order_of_arrival] != CLEAN
    path = [Checkpoint(0, start)]

    def keep(epoch: Epoch) -> None:
        assert epoch.classifier is not None
        path.append(Checkpoint(epoch.rows, epoch.classifier.copy()))

    training = Online(learning_rate=case.learning_rate, checkpoints=case.checkpoints)
    training.fit(blank, data, rng=rng.child("fit"), start=start, callbacks=(keep,))
    first = int(torch.nonzero(attacked)[0]) if case.count else None
    shuffled = rng.child("test").order(digits.test.ids)
    return path, first, attacked, digits.test.subset(shuffled[:112]), digits.test.subset(shuffled[112:])


def attack_of(case: Case) -> LabelFlip | GradientPoison:
    """Return the attack on a stream."""
    if case.attack == "flip":
        return LabelFlip(count=case.count)
    return GradientPoison(count=case.count, victim_learning_rate=0.01, rounds=10, bias_rate_factor=1)


def surrogate(case: Case, known: Dataset, blank: Classifier, rng: Rng) -> Classifier | None:
    """Return the attacker's own warm-up, from another seed, or None if the attack requires no surrogate."""
    if case.attack == "flip":
        return None
    return WARM_UP.fit(blank.fresh(rng.child("surrogate")), known, rng=rng.child("surrogate fit"))


if __name__ == "__main__":
    main()
