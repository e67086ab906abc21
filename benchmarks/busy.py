"""Compare the time of the same work on an idle machine and on a machine that also runs two endless loops.

    python -m benchmarks.busy [--quick] [--json FILE] [--rounds N] [--works demo training ...] [--after]

Every run is a separate process. Idle and busy runs alternate. A time is the median over the rounds, without imports and
reading of data. The loops are stopped after each busy run, and they stop by themselves if this process ends.

`before` is the old behaviour of antivenom: every stage uses all threads, and waiting threads spin, which is the default
of GNU's OpenMP. `after` is the present behaviour: the number of threads depends on the work, and waiting threads sleep.
`foreign` is the number of cores that other programs used at the same time. An idle run with more than about 0.1 was not
really idle.

`demo` is `antivenom demo`. `training` is the default CNN on MNIST in batches of 128 (or on random pixels of the same
shape if $ANTIVENOM_DATA has no MNIST). `training_512` is the same in batches of 512, which are large enough for several
threads. `scan` is Neural Cleanse on a CNN for digits.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

WORKS = ("demo", "training", "training_512", "scan")
REQUIRED = 2.5
"""The largest acceptable ratio of busy time to idle time, except for `training_512`."""

LIMIT = 1800
"""The time limit of a run in seconds. A run that reaches it is stopped and counts with this time."""

SPINNING = {"GOMP_SPINCOUNT": "300000", "KMP_BLOCKTIME": "200"}
"""The default settings of GNU's and LLVM's OpenMP."""

LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    for _ in range(10**6):\n        pass"


@contextmanager
def endless_loops(count: int) -> Iterator[list[int]]:
    """Start `count` endless loops in processes, and yield their process ids."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(count)]
    try:
        yield [loop.pid for loop in loops]
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def run(work: str, way: str, loops: int, quick: bool) -> dict[str, float]:
    """Do one run in a separate process. Return seconds, CPU seconds, threads, and the cores used by other programs."""
    command = [sys.executable, "-m", "benchmarks.busy", "--child", work, "--way", way, *(["--quick"] if quick else [])]
    ignored = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY", "OPENBLAS_THREAD_TIMEOUT")
    environment = {name: value for name, value in os.environ.items() if name not in ignored}
    environment |= SPINNING if way == "before" else {}
    with endless_loops(loops) as pids:
        began, cpu_before, machine_before = time.perf_counter(), _own_cpu(pids), _machine_cpu()
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return {"seconds": LIMIT, "cpu": float("nan"), "threads": 0, "foreign": float("nan")}
        wall, cpu_after = time.perf_counter() - began, _own_cpu(pids)
        foreign = (_machine_cpu() - machine_before - (cpu_after - cpu_before)) / wall
    if done.returncode:
        raise SystemExit(f"{work} failed:\n{done.stderr[-2000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**result, "foreign": round(max(0.0, foreign), 2)}


def _machine_cpu() -> float:
    """Return the CPU seconds of all cores since the machine started, or NaN if the system does not report them."""
    stat = Path("/proc/stat")
    if not stat.is_file():
        return float("nan")
    user, nice, system, _, _, irq, soft, stolen = map(int, stat.read_text().split()[1:9])
    return (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")


def _own_cpu(pids: list[int]) -> float:
    """Return the CPU seconds of this process, of its finished children, and of the processes `pids`."""
    total = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.is_file() else ["0"] * 15
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def child(work: str, way: str, quick: bool) -> None:
    """Do the work in this process, and print its time and threads."""
    from antivenom import threads  # noqa: PLC0415 - the parent needs no torch

    if way == "before":
        threads.FLOPS_FOR_THREADS = 0
    task = {"demo": _demo, "training": _training, "training_512": _wide_training, "scan": _scan}[work](quick)
    began, usage_before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    number = task()
    usage_after = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - began,
                "cpu": usage_after.ru_utime + usage_after.ru_stime - usage_before.ru_utime - usage_before.ru_stime,
                "threads": number,
            }
        )
    )


def _demo(quick: bool) -> Callable[[], int]:
    from antivenom.cli import main  # noqa: PLC0415

    def do() -> int:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["ANTIVENOM_STORE"] = f"{folder}/store"
            spec = str(files("antivenom.examples") / "demo.yaml")
            sys.argv = ["antivenom", "run", spec, "--out", f"{folder}/run", "--set", f"repeats={1 if quick else 3}"]
            try:
                main()
            except SystemExit as end:
                if end.code:
                    raise
            manifests = Path(folder, "run", "cells").rglob("manifest.json")
            stages = [stage for file in manifests for stage in json.loads(file.read_text())["stages"]]
        return max(int(stage["threads"]) for stage in stages)

    return do


def _training(quick: bool, batch: int = 128) -> Callable[[], int]:
    import numpy as np  # noqa: PLC0415 - antivenom was imported before torch
    import torch  # noqa: PLC0415

    from antivenom import Dataset, Rng, load  # noqa: PLC0415
    from antivenom.errors import MissingDataError  # noqa: PLC0415
    from antivenom.models.cnn import CNN  # noqa: PLC0415
    from antivenom.threads import threads_for, work_of  # noqa: PLC0415
    from antivenom.training.end_to_end import EndToEnd  # noqa: PLC0415

    rows = 6_400 if quick else 25_600
    try:
        train = load("mnist").train.subset(torch.arange(rows))
    except MissingDataError:
        drawn = np.random.default_rng(0)
        pixels = drawn.integers(0, 256, (rows, 1, 28, 28), np.uint8)
        train = Dataset.from_arrays(pixels, drawn.integers(0, 10, rows))
    blank = CNN().build(input_shape=train.shape, classes=len(train.classes), bounds=train.bounds, rng=Rng(0))

    def do() -> int:
        with threads_for(work_of(blank, train.inputs(slice(0, 1)), batch)) as number:
            EndToEnd(epochs=1, batch_size=batch).fit(blank, train, rng=Rng(0))
        return number

    return do


def _wide_training(quick: bool) -> Callable[[], int]:
    return _training(quick, 512)


def _scan(quick: bool) -> Callable[[], int]:
    from antivenom import Rng, load  # noqa: PLC0415
    from antivenom.models.cnn import CNN  # noqa: PLC0415
    from antivenom.settings import build  # noqa: PLC0415
    from antivenom.threads import threads_for, using, work_of  # noqa: PLC0415
    from antivenom.training.end_to_end import EndToEnd  # noqa: PLC0415

    splits = load("digits")
    model = CNN(filters=(16, 32), hidden=(64,))
    blank = model.build(input_shape=splits.train.shape, classes=10, bounds=splits.train.bounds, rng=Rng(0))
    with using(1):
        fitted = EndToEnd(epochs=3 if quick else 20, batch_size=64).fit(blank, splits.train, rng=Rng(0))
    scan = build("defences", {"name": "neural_cleanse"}, path="scan")

    def do() -> int:
        with threads_for(work_of(fitted, splits.test.inputs(slice(0, 1)))) as number:
            scan.scan(fitted, splits.test, rng=Rng(0))
        return number

    return do


def measure(work: str, way: str, rounds: int, quick: bool) -> dict[str, Any]:
    """Alternate idle and busy runs, and return a row of the table."""
    runs: dict[str, list[dict[str, float]]] = {"idle": [], "busy": []}
    for _ in range(rounds):
        for state, loops in (("idle", 0), ("busy", 2)):
            runs[state].append(run(work, way, loops, quick))

    def middle(state: str, quantity: str) -> float:
        return round(statistics.median(each[quantity] for each in runs[state]), 2)

    return {
        "work": work,
        "way": way,
        "n": rounds,
        "threads": int(runs["idle"][0]["threads"]),
        **{
            f"{state}_{quantity}": middle(state, quantity)
            for state in runs
            for quantity in ("seconds", "cpu", "foreign")
        },
        "ratio": round(middle("busy", "seconds") / middle("idle", "seconds"), 2),
        "required": REQUIRED if way == "after" and work != "training_512" else None,
        "load": os.getloadavg()[0],
        "runs": runs,
    }


def line(row: dict[str, Any]) -> str:
    """Return a row of the table as text."""
    need = "" if row["required"] is None else f"  (required: at most {row['required']})"
    cells = [f"{row['work']:<13}{row['way']:<7}{row['threads']:>8}{row['n']:>4}"]
    cells += [
        f"{row[f'{state}_seconds']:>8} s {row[f'{state}_cpu']:>8} CPU s {row[f'{state}_foreign']:>5} foreign"
        for state in ("idle", "busy")
    ]
    return "  |".join(cells) + f"  | {row['ratio']:.2f}x{need}"


def main() -> None:
    """Measure all works before and after, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round with less work")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    parser.add_argument(
        "--rounds", type=int, help="rounds of `after` (default: 5, or 1 with --quick); `before` has one"
    )
    parser.add_argument("--works", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--after", action="store_true", help="only `after`; `before` can take a long time")
    parser.add_argument("--child", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=("before", "after"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.way, options.quick)
        return
    from benchmarks.machine import machine  # noqa: PLC0415 - loads torch; a child loads it later

    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    rounds = options.rounds or (1 if options.quick else 5)
    rows = []
    for work in options.works:
        for way in ("after",) if options.after else ("before", "after"):
            row = measure(work, way, 1 if way == "before" else rounds, options.quick)
            rows.append(row)
            print(line(row), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "works": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
