"""The driver of a sweep of 10,000 cells: its memory, and its time for each cell.

    python -m benchmarks.large_sweeps [--quick] [--json FILE]

The cells are those of a real sweep on digits. Instead of training, each gets the files of one cell that was really run;
all else is the driver's usual work: reading the spec, checking every cell, keys, events, status, and the table. Each
size runs in a process of its own. The peak must be below 1 GiB, and the time for each cell must not grow.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.machine import machine

SIZES = (1000, 10_000)
REQUIRED_MIB = 1024
GROWTH = 1.5
"""The largest allowed ratio of the time for each cell between the largest and the smallest size."""


def measure(count: int) -> dict[str, Any]:
    """Run a sweep of `count` cells in this process."""
    from antivenom.runner import Sweep, load_spec  # noqa: PLC0415 - the parent needs no torch
    from antivenom.runner.executors import serial  # noqa: PLC0415

    seeds = list(range(count // 10))
    spec = {
        "train_rows": 200,
        "model": {"name": "mlp", "hidden": [8]},
        "training": {"name": "end_to_end", "epochs": 1},
        "attack": {"name": "badnets", "target": 7},
        "grid": {"attack.rate": [0.01 * rate for rate in range(1, 11)], "seed": seeds},
    }
    with tempfile.TemporaryDirectory() as place:
        one = load_spec({**spec, "grid": {"seed": [0]}})
        assert isinstance(one, Sweep)
        one.run(out=Path(place) / "one", progress=False)
        (cell,) = (Path(place) / "one" / "cells").iterdir()
        files = [file for file in cell.iterdir() if file.is_file()]

        def stand_in(_: object, folder: Path, *__: object) -> None:
            folder.mkdir(parents=True)
            for file in files:
                os.link(file, folder / file.name)

        marks = [time.perf_counter()]
        sweep = load_spec(spec)
        assert isinstance(sweep, Sweep)
        marks.append(time.perf_counter())
        with mock.patch.object(serial, "run_cell", stand_in):
            result = sweep.run(out=Path(place) / "many", progress=False)
        marks.append(time.perf_counter())
        assert len(result.axes) == count
    seconds = [after - before for before, after in pairwise(marks)]
    return {
        "cells": count,
        "ms a cell, spec": round(1000 * seconds[0] / count, 2),
        "ms a cell, run": round(1000 * seconds[1] / count, 2),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> int:
    """Measure each size in a process of its own, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one)))
        return 0
    print(machine())
    rows = []
    for count in [size // 10 for size in SIZES] if arguments.quick else SIZES:
        command = [sys.executable, "-m", "benchmarks.large_sweeps", "--one", str(count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows))
    each = [row["ms a cell, spec"] + row["ms a cell, run"] for row in rows]
    return int(rows[-1]["peak MiB"] > REQUIRED_MIB or each[-1] > GROWTH * each[0])


if __name__ == "__main__":
    raise SystemExit(main())
