"""Measure the peak memory of scoring, scanning and repairing a network of the size of ResNet-18 on 224×224 images.

    python -m benchmarks.memory [--quick] [--json FILE]

Each work runs in a process of its own, on the CPU, with 200 and 400 rows. The peak must be below 3 GiB.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.machine import machine

REQUIRED_MIB = 3 * 1024
CLASSES = 10
SLOW = ("fine-pruning",)
"""Works that are measured with fewer rows only."""


def resnet18() -> Any:
    """Return a plain ResNet-18 with 11.2 million weights (He et al. 2016)."""
    from torch import Tensor, nn  # noqa: PLC0415 - the parent needs no torch

    class Block(nn.Module):
        def __init__(self, before: int, width: int, stride: int) -> None:
            super().__init__()
            self.one = nn.Conv2d(before, width, 3, stride, 1, bias=False)
            self.two = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))
            self.short: nn.Module = nn.Identity()
            if stride != 1 or before != width:
                self.short = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))

        def forward(self, x: Tensor) -> Tensor:
            y = self.norms[0](self.one(x)).relu()
            out: Tensor = self.norms[1](self.two(y)) + self.short(x)
            return out.relu()

    layers: list[nn.Module] = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    layers.append(nn.MaxPool2d(3, 2, 1))
    before = 64
    for width in (64, 128, 256, 512):
        layers += [Block(before, width, 1 if width == before else 2), Block(width, width, 1)]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, CLASSES))


def data_of(rows: int) -> Any:
    """Return random images of 224×224 pixels with labels."""
    import numpy as np  # noqa: PLC0415

    from antivenom import Dataset, Rng  # noqa: PLC0415

    x = Rng(1).child("x").numpy().integers(0, 256, (rows, 3, 224, 224), np.uint8)
    return Dataset.from_arrays(x, np.arange(rows) % CLASSES, channels="first")


def with_own_labels(classifier: Any, data: Any) -> Any:
    """Centre the logits of a new network, and label the rows as it predicts. To silence a unit then costs accuracy."""
    import torch  # noqa: PLC0415

    from antivenom.models import predictions  # noqa: PLC0415

    with torch.no_grad(), classifier.evaluating():
        classifier.module[-1].bias -= classifier.logits(data.inputs(slice(0, 16))).mean(0)
    return replace(data, y=predictions(classifier, data))


def suspicion_by_scores(x: Any, classifier: Any, **_: object) -> Any:
    """Return the suspicion of inputs by a filter that asks the classifier."""
    return -classifier.scores(x).amax(1)


def works(classifier: Any, data: Any) -> dict[str, Callable[[], object]]:
    """Return all works by name."""
    import torch  # noqa: PLC0415

    from antivenom import Rng, defences, repairs  # noqa: PLC0415
    from antivenom.analysis import gradient_saliency, similarity  # noqa: PLC0415
    from antivenom.goals import Backdoor  # noqa: PLC0415
    from antivenom.metrics import accuracy  # noqa: PLC0415
    from antivenom.runner.scoring.filters import score_filters  # noqa: PLC0415
    from antivenom.testing.repairs import verdict_on  # noqa: PLC0415
    from antivenom.triggers import Patch  # noqa: PLC0415

    short, verdict = {"epochs": 1, "batch_size": 16}, verdict_on(data, 2)
    goal = Backdoor(trigger=Patch(), target=2)
    one = SimpleNamespace(needs=frozenset(), false_rejection_rate=0.05, suspicion=suspicion_by_scores)

    def repaired(repair: Any, rows: Any = data) -> Callable[[], object]:
        return lambda: repair.repair(classifier, rows, rng=Rng(0), verdict=verdict)

    def detected(detector: Any) -> Callable[[], object]:
        return lambda: detector.score(data, classifier, rng=Rng(0), clean=data.subset(torch.arange(len(data) // 2)))

    def filtered() -> object:
        return accuracy(repairs.Filtering().repair(classifier, data, rng=Rng(0), verdict=verdict), data)

    def pruned() -> object:
        return repaired(repairs.FinePruning(limit=0.01, **short), with_own_labels(classifier, data))()

    return {
        "data alone": lambda: None,
        "scoring": lambda: accuracy(classifier, data),
        "success": lambda: goal.success(classifier, data),
        "features": lambda: classifier.features(data.inputs(slice(0, len(data) // 2))),
        "scanning": lambda: defences.NeuralCleanse(steps=3).scan(classifier, data, rng=Rng(0)),
        "scanning by margins": lambda: defences.MMBD(steps=3).scan(classifier, None, rng=Rng(0)),
        "fine-tuning": repaired(repairs.FineTuning(**short)),
        "fine-pruning": pruned,
        "pruning by effect": repaired(repairs.Pruning()),
        "pruning by activation": repaired(repairs.Pruning(rank="activation")),
        "unlearning": repaired(repairs.Unlearning(**short)),
        "filtering": filtered,
        "nearest neighbours": detected(defences.NearestNeighbours()),
        "trim": detected(defences.Trim(rounds=2)),
        "similarity": lambda: similarity(classifier, classifier, data),
        "saliency": lambda: gradient_saliency(classifier, data.inputs(slice(0, 64)), data.y[:64]),
        "filter": lambda: score_filters({"one": one}, (classifier, classifier), goal, data, data, Rng(0)),
    }


NAMES = (
    "data alone", "scoring", "success", "features", "scanning", "scanning by margins", "fine-tuning", "fine-pruning",
    "pruning by effect", "pruning by activation", "unlearning", "filtering", "nearest neighbours", "trim",
    "similarity", "saliency", "filter",
)  # fmt: skip
"""The names of all works. The parent imports no torch, so it does not call `works`."""


def work(name: str, rows: int) -> None:
    """Do one work, and print the peak memory in MiB."""
    from antivenom import Rng, as_classifier  # noqa: PLC0415

    with Rng(0).torch_globally():
        classifier = as_classifier(resnet18(), input_shape=(3, 224, 224))
    works(classifier, data_of(rows))[name]()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def main() -> int:
    """Measure all works and print a table; return 1 if one needs too much memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", nargs=2, metavar=("NAME", "ROWS"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work[0], int(arguments.work[1]))
        return 0
    print(machine())
    peaks: dict[str, int] = {}
    for name in NAMES:
        for rows in (200,) if arguments.quick or name in SLOW else (200, 400):
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", "--work", name, str(rows)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(name, rows, done.stderr.strip().splitlines()[-1])
                return 1
            peaks[f"{name}, {rows} rows"] = int(done.stdout.split()[-1])
            print(f"{name}, {rows} rows: {peaks[f'{name}, {rows} rows']} MiB", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(peaks, indent=2))
    return int(max(peaks.values()) > REQUIRED_MIB)


if __name__ == "__main__":
    sys.exit(main())
