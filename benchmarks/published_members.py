"""Members of deep partition aggregation on MNIST with the published network, beside the published accuracy.

    python -m benchmarks.published_members [--partitions 6] [--json FILE]

Levine and Feizi (2021) train 1,200 networks-in-network, 200 epochs each, on GPUs, and report that one network is right
on 76.97 % of the test rows. Here the first partitions of our division are trained with their network, batch size,
shifts, momentum and weight decay. The learning rate decreases by a cosine instead of steps. It reads MNIST from
$ANTIVENOM_DATA. Finished members in FILE are not trained again.
"""

import argparse
import json
import math
import statistics
import time
from pathlib import Path

import torch
from scipy.stats import t as student
from torch import nn

from antivenom import as_classifier
from antivenom.data.sources import load
from antivenom.metrics import accuracy
from antivenom.rng import Rng
from antivenom.training import EndToEnd
from antivenom.training.partitions import by_hash
from benchmarks.machine import machine

PUBLISHED, PARTITIONS, TEST_ROWS = 76.97, 1200, 2000
TRAINING = EndToEnd(
    epochs=200,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=5e-4,
    schedule="cosine",
    crop=4,
)
"""The published settings, but for the schedule, Nesterov's momentum and the normalisation by partition."""
BLOCKS = (
    ((192, 5), (160, 1), (96, 1)),
    ((192, 5), (192, 1), (192, 1)),
    ((192, 3), (192, 1), (192, 1)),
)
"""The channels and the kernel size of each convolution."""


def network_in_network() -> nn.Sequential:
    """Return the network for images of one channel (n, 1, 28, 28), with ten logits."""
    layers: list[nn.Module] = []
    before, pools = 1, [nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.AdaptiveAvgPool2d(1)]
    for block, pool in zip(BLOCKS, pools, strict=True):
        for channels, kernel in block:
            convolution = nn.Conv2d(before, channels, kernel, padding=kernel // 2, bias=False)
            layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
            before = channels
        layers.append(pool)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before, 10))


def main() -> None:
    """Train the members that are not in the file yet, and print the interval of their mean accuracy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=6, help="the number of members to train")
    parser.add_argument("--json", type=Path, help="the file of the results; finished members in it are kept")
    arguments = parser.parse_args()
    file: Path | None = arguments.json
    done: list[float] = json.loads(file.read_text())["accuracy"] if file is not None and file.is_file() else []
    splits = load("mnist")
    test, parts = splits.test.subset(torch.arange(TEST_ROWS)), by_hash(splits.train, PARTITIONS)
    for number in range(len(done), arguments.partitions):
        began, rng = time.perf_counter(), Rng(0).child("member", number)
        with rng.child("weights").torch_globally(torch.device("cpu")):
            network = network_in_network()
        blank = as_classifier(network, input_shape=(1, 28, 28), classes=10, mean=0.1307, std=0.3081)
        done.append(100 * accuracy(TRAINING.fit(blank, parts[number], rng=rng), test))
        print(
            f"member {number}: {len(parts[number])} rows, {done[-1]:.1f} %, {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        if file is not None:
            file.write_text(json.dumps({"machine": machine(), "accuracy": done}))
    half = float(student.ppf(0.975, len(done) - 1)) * statistics.stdev(done) / math.sqrt(len(done))
    print(f"mean {statistics.mean(done):.1f} % ± {half:.1f} of {len(done)} members; published {PUBLISHED} %")


if __name__ == "__main__":
    main()
