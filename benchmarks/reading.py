"""Measure the time to read 60,000 JPEG images of 32 × 32 pixels: first from the folder, then from the store.

    python -m benchmarks.reading FOLDER [--quick] [--json FILE]

FOLDER contains `train/CLASS/*.jpg` and `test/CLASS/*.jpg`. `--quick` reads only `test`.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from antivenom.data.sources.folder import Folder
from antivenom.runner.executors.stages import Stages
from antivenom.storage.store import Store
from benchmarks.machine import machine


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true", help="only the test images")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    source = Folder(path=str(options.folder / "test" if options.quick else options.folder))
    took = []
    with tempfile.TemporaryDirectory() as folder:
        stages = Stages(Store(Path(folder)), torch.device("cpu"))
        for _ in range(3):
            began = time.perf_counter()
            splits = stages.prepare(source)
            took.append(time.perf_counter() - began)
    rows = len(splits.train) + len(splits.test)
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    print(f"{rows} images: {took[0]:.1f} s the first time, {took[1]:.2f} and {took[2]:.2f} s after that")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows, "seconds": took}, indent=2) + "\n")


if __name__ == "__main__":
    main()
