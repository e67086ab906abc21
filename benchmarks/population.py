"""Compare a population that is trained at once with its members trained one by one, at equal accuracy.

    python -m benchmarks.population [--quick] [--json FILE] [--workers N]

Each member has its own stream, and all rows of a data set or a part of them. A ratio is the time of `fit_population`
for k members over k times the time of one `EndToEnd.fit`, the median over rounds. In each round, the single trainings
and the population run in turn, in one process. The time of one is the mean over at most 8 members. Rows are those of
digits, or random rows of the size of MNIST, which need the same time as real ones.

The case with worker processes includes their start, about 2 seconds. Threads and processes use N cores (2 if omitted).
"""

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from antivenom import Dataset, Rng, load
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.models.cnn import CNN
from antivenom.models.mlp import MLP
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.population import Way, WayName, fit_population
from benchmarks.machine import machine
from benchmarks.training import seconds

SINGLES = 8
"""The largest number of members that are trained one by one in each round."""


@dataclass(frozen=True)
class Case:
    """A network, its training, and the rows of each member."""

    name: str
    model: MLP | CNN
    training: EndToEnd
    rows: str = "digits"
    parts: bool = False
    sizes: tuple[int, ...] = (1, 8, 32, 64)
    way: WayName = "auto"
    workers: int = 1
    required: float | None = None


def cases(workers: int) -> list[Case]:
    """Return all cases."""
    short, small = EndToEnd(epochs=5, batch_size=32), EndToEnd(epochs=20, batch_size=16)
    cnn, long = EndToEnd(epochs=3, batch_size=128), EndToEnd(epochs=40, batch_size=128)
    wide = EndToEnd(epochs=1, batch_size=128)
    return [
        Case("MLP 64-128-10, batch 32", MLP(), short, required=0.2),
        Case("MLP 64-128-10, batch 32, threads", MLP(), short, sizes=(8, 32, 64), workers=workers, required=0.2),
        Case("MLP 64-128-10, batch 128", MLP(), replace(short, batch_size=128)),
        Case("MLP 64-32-10, batch 16", MLP(hidden=(32,)), replace(short, batch_size=16), required=0.2),
        Case("MLP 64-128-10, batch 16, a k-th of the rows each", MLP(), small, parts=True, sizes=(8, 32)),
        Case("MLP 784-16-10, batch 32", MLP(hidden=(16,)), replace(short, epochs=1), "mnist-like"),
        Case("MLP 784-128-10, batch 128", MLP(), wide, "mnist-like", sizes=(1, 8, 32)),
        Case("MLP 784-128-10, batch 128, together", MLP(), wide, "mnist-like", False, (8,), "together"),
        Case("CNN 16-32-128-10, batch 128", CNN(), cnn, required=1.0),
        Case("CNN 16-32-128-10, batch 128, processes", CNN(), long, "digits", False, (32,), "auto", workers, 0.6),
    ]


def rows_of(name: str) -> tuple[Dataset, Dataset | None]:
    """Return training rows, and test rows if there are real ones."""
    if name == "digits":
        splits = load("digits")
        return splits.train, splits.test
    numbers = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (2560, 1, 28, 28), generator=numbers, dtype=torch.uint8)
    y = torch.randint(0, 10, (2560,), generator=numbers)
    return Dataset.from_arrays(x, y, channels="first", classes=10), None


def members_of(case: Case, train: Dataset, count: int) -> list[Dataset]:
    """Return the rows of each member."""
    if not case.parts:
        return [train] * count
    places = torch.arange(len(train))
    return [train.subset(places[places % count == part]) for part in range(count)]


def measure(case: Case, count: int, rounds: int) -> dict[str, Any]:
    """Train singles and populations in turn; return a row of results."""
    train, test = rows_of(case.rows)
    data, streams = members_of(case, train, count), [Rng(member) for member in range(count)]
    blank = case.model.build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=Rng(0))
    some = range(0, count, -(-count // SINGLES))
    chosen, times = list[Way](), list[tuple[float, float]]()
    alone, together = list[Classifier](), list[Classifier]()

    def singly() -> None:
        alone[:] = [case.training.fit(blank, data[place], rng=streams[place]) for place in some]

    def at_once() -> None:
        together[:] = fit_population(
            case.training, blank, data, streams, way=case.way, workers=case.workers, on_way=chosen.append
        )

    if case.workers == 1:  # the first run of a shape is slower
        singly()
        at_once()
    for _ in range(rounds):
        times.append((seconds(singly) / len(some), seconds(at_once)))
    ratios = [whole / (count * one) for one, whole in times]
    compared = [together[place] for place in some]
    return {
        "case": case.name,
        "members": count,
        "rows": [min(map(len, data)), max(map(len, data))],
        "rounds": rounds,
        "way": chosen[-1].name,
        "workers": chosen[-1].workers,
        "stack": chosen[-1].stack,
        "single_seconds": statistics.median(one for one, _ in times),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
        "required": case.required if count == 32 else None,
        "largest_difference": max(_difference(one, other) for one, other in zip(alone, compared, strict=True)),
        "accuracies": test and [_mean_accuracy(alone, test), _mean_accuracy(compared, test)],
    }


def _difference(one: Classifier, other: Classifier) -> float:
    pairs = zip(one.state().values(), other.state().values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def _mean_accuracy(classifiers: Sequence[Classifier], test: Dataset) -> float:
    return statistics.mean(accuracy(each, test) for each in classifiers)


def main() -> None:
    """Measure all cases and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round, and no worker processes")
    parser.add_argument("--workers", type=int, default=2, help="threads or processes of the cases that have them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    for case in cases(options.workers):
        if options.quick and case.workers > 1:
            continue
        print(f"\n{case.name}")
        for count in case.sizes:
            row = measure(case, count, 1 if options.quick else 3 if case.workers > 1 else 5)
            rows.append(row)
            low, high = row["ratio_range"]
            need = f" (required: at most {row['required']})" if row["required"] else ""
            scores = row["accuracies"]
            accuracies = f", accuracies {scores[0]:.4f} and {scores[1]:.4f}" if scores else ""
            print(
                f"  k = {count}: ratio {row['ratio']:.2f} ({low:.2f} to {high:.2f}), n = {row['rounds']} rounds{need}, "
                f"{row['way']} × {row['workers']}, one {1e3 * row['single_seconds']:.1f} ms, "
                f"weights differ by {row['largest_difference']:.0e}{accuracies}",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "cases": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
