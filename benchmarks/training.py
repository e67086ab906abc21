"""Compare the training loop of antivenom with a textbook loop, in images per second, at equal final accuracy.

    python -m benchmarks.training [--quick] [--json FILE]

Both loops train the same network from the same weights on the same MNIST rows (in $ANTIVENOM_DATA), in float32, with
Adam at 1e-3 and the same batch size. They run in one process, epoch by epoch in turn, with several seeds for weights
and orders. A ratio is the median over all pairs of epochs. An accuracy is the mean over the seeds.

The textbook loop uses a shuffled `DataLoader` over a `TensorDataset` of float32 tensors, with the number of workers
that is fastest on this machine. Each step is `zero_grad`, forward, `cross_entropy`, `backward` and `Adam.step`, and
reads the loss with `item()` for the log. The float32 tensors are prepared before the clock starts; antivenom converts
from uint8 while the clock runs.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from antivenom import Dataset, Rng, load
from antivenom.metrics import accuracy
from antivenom.models import ModuleClassifier
from antivenom.models.cnn import CNN
from antivenom.models.mlp import MLP
from antivenom.models.optimizers import Optimizer
from antivenom.training.loop import Recipe, epoch_of
from antivenom.training.step import step_for
from benchmarks.machine import machine

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Case:
    """A network and a batch size."""

    name: str
    model: MLP | CNN
    batch: int
    required: float | None = None


CASES = (
    Case("MLP 784-128-10, batch 32", MLP(), 32),
    Case("MLP 784-64-10, batch 128", MLP(hidden=(64,)), 128, 3.0),
    Case("MLP 784-128-10, batch 128", MLP(), 128, 3.0),
    Case("CNN 16-32-128-10, batch 128", CNN(), 128, 1.5),
)


class Textbook:
    """The textbook loop."""

    def __init__(self, blank: ModuleClassifier, train: Dataset, batch: int, workers: int, seed: int = 0) -> None:
        self.classifier = blank.copy()
        self.module: nn.Module = self.classifier.module.train()
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=1e-3)
        self.rows = len(train)
        rows = TensorDataset(train.inputs(), train.y)
        self.loader = DataLoader(
            rows,
            batch_size=batch,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
            generator=Rng(seed).generator(),
        )

    def epoch(self) -> float:
        """Train for one epoch, and return the mean loss."""
        total = 0.0
        for x, y in self.loader:
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.module(x), y)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(y)
        return total / self.rows


class Ours:
    """The loop of antivenom, one epoch at a time."""

    def __init__(
        self, blank: ModuleClassifier, train: Dataset, batch: int, seed: int = 0, precision: str = "float32"
    ) -> None:
        self.classifier = blank.copy()
        self.classifier.module.train()
        self.recipe = Recipe(batch_size=batch, epochs=1000, precision=precision)  # type: ignore[arg-type]
        self.data, self.number, self.rng = train, 0, Rng(seed)
        self.update = step_for(self.classifier, Optimizer(), precision)

    def epoch(self) -> float:
        """Train for one epoch, and return the mean loss."""
        self.number += 1
        return epoch_of(self.update, self.data, self.recipe, self.rng, self.number - 1)


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def best_workers(blank: ModuleClassifier, train: Dataset, batch: int) -> tuple[int, dict[int, float]]:
    """Return the number of workers with the fastest second epoch, and the seconds of every number tried."""
    tried = {}
    for workers in (0, 1, 2):
        textbook = Textbook(blank, train, batch, workers)
        textbook.epoch()
        tried[workers] = seconds(textbook.epoch)
    return min(tried, key=lambda workers: tried[workers]), tried


def measure(case: Case, train: Dataset, test: Dataset, pairs: int) -> dict[str, Any]:
    """Run both loops alternately for every seed, and return a row of results."""

    def blank(seed: int) -> ModuleClassifier:
        return case.model.build(input_shape=train.shape, classes=10, bounds=train.bounds, rng=Rng(seed))

    part = train.subset(torch.arange(min(len(train), 12_800)))
    workers, tried = best_workers(blank(0), part, case.batch)
    times, scores = [], []
    for seed in SEEDS:
        textbook = Textbook(blank(seed), train, case.batch, workers, seed)
        ours = Ours(blank(seed), train, case.batch, seed)
        times += [(seconds(textbook.epoch), seconds(ours.epoch)) for _ in range(pairs)]
        for loop in (textbook, ours):
            loop.classifier.module.eval()
        scores.append((accuracy(textbook.classifier, test), accuracy(ours.classifier, test)))
    lower = Ours(blank(0), part, case.batch, precision="bfloat16")
    lower.epoch()
    ratios = [theirs / mine for theirs, mine in times]
    return {
        "case": case.name,
        "rows": len(train),
        "seeds": len(SEEDS),
        "pairs": len(times),
        "epochs": pairs,
        "workers": workers,
        "worker_seconds": {str(count): round(took, 3) for count, took in tried.items()},
        "textbook_images_per_second": round(len(train) / statistics.median(t for t, _ in times)),
        "ours_images_per_second": round(len(train) / statistics.median(t for _, t in times)),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
        "required": case.required,
        "bfloat16_images_per_second": round(len(part) / seconds(lower.epoch)),
        "textbook_accuracy": [textbook for textbook, _ in scores],
        "ours_accuracy": [ours for _, ours in scores],
    }


def main() -> None:
    """Measure all cases and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="6,400 rows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    splits = load("mnist")
    train = splits.train.subset(torch.arange(6_400)) if options.quick else splits.train
    rows: list[dict[str, Any]] = []
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    for case in CASES:
        row = measure(case, train, splits.test, 3)
        rows.append(row)
        low, high = row["ratio_range"]
        need = f" (required: at least {row['required']})" if row["required"] else ""
        theirs, ours = (statistics.mean(row[f"{loop}_accuracy"]) for loop in ("textbook", "ours"))
        gaps = [b - a for a, b in zip(row["textbook_accuracy"], row["ours_accuracy"], strict=True)]
        print(
            f"\n{row['case']}: {row['rows']} rows, n = {row['pairs']} pairs of epochs, {row['seeds']} seeds\n"
            f"  textbook {row['textbook_images_per_second']:>8} images/s (best of 0, 1, 2 workers: {row['workers']})\n"
            f"  antivenom   {row['ours_images_per_second']:>8} images/s, bfloat16 {row['bfloat16_images_per_second']}\n"
            f"  ratio    {row['ratio']:.2f} ({low} to {high}){need}\n"
            f"  accuracy {theirs:.4f} and {ours:.4f} after {row['epochs']} epochs, "
            f"differences by seed {', '.join(f'{gap:+.4f}' for gap in gaps)}"
        )
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "cases": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
