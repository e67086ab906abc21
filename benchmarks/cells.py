"""Measure time per cell and memory during a grid of many trivial cells.

    python -m benchmarks.cells [--quick] [--json FILE] [--cells N] [--store]

Each cell trains a network of two hidden units on 64 digits for one epoch, as victim and as control, and writes its
folder. The grid and its report run in separate processes. Wall time, CPU time and resident memory are printed for each
tenth of the cells; they should stay constant. On a busy machine, CPU time is more reliable. `--store` also writes the
stages to a store.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PARTS = 10
REQUIRED_MIB = 1024
REQUIRED_GROWTH = 1.25
"""The largest acceptable ratio of the CPU time per cell in the last fifth to that in the first fifth."""


def spec(cells: int) -> dict[str, Any]:
    """Return the spec of a grid over seeds."""
    return {
        "name": "cells",
        "model": {"name": "mlp", "hidden": [2]},
        "attack": {"name": "label_flip", "rate": 0.1},
        "training": {"name": "end_to_end", "epochs": 1, "batch_size": 64},
        "train_rows": 64,
        "grid": {"seed": list(range(cells))},
    }


def resident() -> float:
    """Return the resident memory of this process in MiB, or NaN if the system does not report it."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if statm.is_file() else float("nan")


def peak() -> float:
    """Return the peak memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(cells: int, folder: Path, store: bool) -> dict[str, Any]:
    """Run the grid in this process."""
    from antivenom.runner import Store, Sweep, load_spec  # noqa: PLC0415 - the parent needs no torch
    from antivenom.runner.events import Event, Planned, Started  # noqa: PLC0415

    began = time.perf_counter()
    sweep = load_spec(spec(cells))
    assert isinstance(sweep, Sweep)
    seen: dict[str, tuple[float, float]] = {}
    memory: list[float] = []
    marks = {"read": time.perf_counter() - began}

    def on_event(event: Event) -> None:
        if isinstance(event, Planned):
            marks["checked"] = time.perf_counter() - began
        if isinstance(event, Started) and event.cell not in seen:
            seen[event.cell] = time.perf_counter(), time.process_time()
            memory.append(resident())

    sweep.run(out=folder, store=Store(folder.parent / "store") if store else None, progress=False, on_event=on_event)
    ended = time.perf_counter() - began
    starts = list(seen.values())
    step = max(1, len(starts) // PARTS)
    tenths = []
    for first in range(0, len(starts), step):
        last = min(first + step, len(starts) - 1)
        wall, cpu = (1000 * (starts[last][each] - starts[first][each]) / max(1, last - first) for each in (0, 1))
        row = {"wall_ms": round(wall, 1), "cpu_ms": round(cpu, 1), "mib": round(memory[first], 1)}
        tenths.append({"first_cell": first, **row})
    marks |= {"cells": starts[-1][0] - began, "all": ended}
    return {"cells": cells, "seconds": marks, "tenths": tenths, "mib_at_the_end": resident(), "mib_peak": peak()}


def report(folder: Path) -> dict[str, Any]:
    """Write the grid's report in this process."""
    from antivenom.report import write_report  # noqa: PLC0415

    began = time.perf_counter()
    page = write_report(folder)
    return {"seconds": time.perf_counter() - began, "mib_peak": peak(), "page_mib": page.stat().st_size / 2**20}


def child(*arguments: str) -> dict[str, Any]:
    """Run this benchmark with the given arguments in a separate process, and return its result."""
    command = [sys.executable, "-m", "benchmarks.cells", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Run the grid and its report, and print both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="200 cells")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--store", action="store_true", help="keep the stages in a store")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--report", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run(options.cells, options.run, options.store)))
        return
    if options.report:
        print(json.dumps(report(options.report)))
        return
    from benchmarks.machine import machine  # noqa: PLC0415 - it loads torch

    print(" · ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    cells = 200 if options.quick else options.cells
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "grid")
        extra = ["--store"] if options.store else []
        grid = child("--run", str(folder), "--cells", str(cells), *extra)
        grid["disk_mib"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
        page = child("--report", str(folder))
    show(grid, page)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "run": grid, "report": page}, indent=2) + "\n")


def show(grid: dict[str, Any], page: dict[str, Any]) -> None:
    """Print the results."""
    for row in grid["tenths"]:
        cost = f"{row['wall_ms']:>6.1f} ms a cell, {row['cpu_ms']:>6.1f} ms of CPU time"
        print(f"from cell {row['first_cell']:>6}: {cost}, {row['mib']:>6.1f} MiB")
    seconds = {name: round(value, 1) for name, value in grid["seconds"].items()}
    print(f"{grid['cells']} cells; seconds {seconds}; {grid['disk_mib']:.0f} MiB on disk")
    print(f"peak while running: {grid['mib_peak']:.0f} MiB")
    print(f"peak while writing a report of {page['page_mib']:.1f} MiB: {page['mib_peak']:.0f} MiB")
    times = [row["cpu_ms"] for row in grid["tenths"]]
    growth = statistics.mean(times[-2:]) / statistics.mean(times[:2])
    most = max(grid["mib_peak"], page["mib_peak"])
    print(f"CPU time per cell, last fifth over first fifth: {growth:.2f} (required: at most {REQUIRED_GROWTH})")
    print(f"peak memory: {most:.0f} MiB (required: at most {REQUIRED_MIB})")


if __name__ == "__main__":
    main()
