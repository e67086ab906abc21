"""Split, poison and train on a data set that is larger than the allowed memory, and compare the speed with a small one.

    python -m benchmarks.large [--quick] [--json FILE]

The process may allocate `ALLOWED` bytes (`RLIMIT_DATA`). Rows that are mapped from a file do not count, because the
system can drop these pages at any time. The rows take 8 GiB, or 2 GiB with `--quick`.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import torch

from antivenom.attacks import BadNets
from antivenom.data import Dataset
from antivenom.data.memmap import empty_rows
from antivenom.models import MLP
from antivenom.rng import Rng
from antivenom.training import EndToEnd
from benchmarks.machine import machine

ALLOWED = 1536 << 20
SHAPE = (3, 64, 64)


def rows_of(size: int) -> Dataset:
    """Return random rows with a total of `size` bytes."""
    count = size // (3 * 64 * 64)
    x = empty_rows(count, SHAPE)
    numbers = torch.randint(0, 256, (4096, *SHAPE), dtype=torch.uint8, generator=Rng(0).generator())
    for start in range(0, count, len(numbers)):
        x[start : start + len(numbers)] = numbers[: count - start]
    y = torch.arange(count) % 10
    return Dataset(x=x, y=y, ids=torch.arange(count), classes=tuple("0123456789"), bounds=(0.0, 1.0))


def measured(size: int) -> dict[str, float]:
    """Return the seconds per million rows of each step."""
    began = time.perf_counter()
    data = rows_of(size).split(0.1, Rng(0)).train
    made = time.perf_counter()
    poisoned = BadNets(rate=0.01).poison(data, rng=Rng(0)).data
    crafted = time.perf_counter()
    model = MLP(hidden=(16,)).build(input_shape=SHAPE, classes=10, bounds=(0.0, 1.0), rng=Rng(0))
    EndToEnd(epochs=1).fit(model, poisoned, rng=Rng(0))
    trained = time.perf_counter()
    million = len(data) / 1e6
    return {
        "GiB": size / 2**30,
        "make_and_split": (made - began) / million,
        "poison": (crafted - made) / million,
        "epoch": (trained - crafted) / million,
    }


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (ALLOWED, ALLOWED))
    figures = [measured(256 << 20), measured((2 if arguments.quick else 8) << 30)]
    result = {"machine": machine(), "allowed_bytes": ALLOWED, "seconds_per_million_rows": figures}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
