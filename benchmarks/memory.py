"""Measure the peak memory of scoring, scanning and repairing a network of the size of ResNet-18 on 224×224 images.

    python -m benchmarks.memory [--quick] [--json FILE]

Each work runs in a process of its own, on the CPU. The peak must be below 3 GiB, with twice as many rows too.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import machine

REQUIRED_MIB = 3 * 1024
CLASSES = 10


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


def work(name: str, rows: int) -> None:
    """Do one work, and print the peak memory in MiB."""
    import numpy as np  # noqa: PLC0415

    from antivenom import Dataset, Rng, as_classifier  # noqa: PLC0415
    from antivenom.defences import NeuralCleanse  # noqa: PLC0415
    from antivenom.metrics import accuracy  # noqa: PLC0415
    from antivenom.repairs import FinePruning, FineTuning  # noqa: PLC0415

    with Rng(0).torch_globally():
        classifier = as_classifier(resnet18(), input_shape=(3, 224, 224))
    x = Rng(1).child("x").numpy().integers(0, 256, (rows, 3, 224, 224)).astype(np.uint8)
    data = Dataset.from_arrays(x, np.arange(rows) % CLASSES, channels="first")
    works: dict[str, Callable[[], object]] = {
        "data alone": lambda: None,
        "scoring": lambda: accuracy(classifier, data),
        "features": lambda: classifier.features(data.inputs(slice(0, rows // 2))),
        "scanning": lambda: NeuralCleanse(steps=3).scan(classifier, data, rng=Rng(0)),
        "fine-tuning": lambda: FineTuning(epochs=1, batch_size=16).repair(classifier, data, rng=Rng(0)),
        "fine-pruning": lambda: FinePruning(epochs=1, batch_size=16).repair(classifier, data, rng=Rng(0)),
    }
    works[name]()
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
    for name in ("data alone", "scoring", "features", "scanning", "fine-tuning", "fine-pruning"):
        for rows in (200,) if arguments.quick else (200, 400):
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
