"""Sweeps that are killed, and the cost of running cells.

    python -m benchmarks.sweeps [--what kills|overhead|all] [--executor processes|ray] [--quick] [--json FILE]

`kills`: 120 cells on digits (5 attacks, 3 rates, 2 models, 4 seeds) with two workers. The driver or a worker is killed
with SIGKILL at 20 moments of a fixed list, and the sweep goes on. The table must be the same bytes as that of an
undisturbed run, and no entry of the store may be written twice.

`overhead`: 1,000 tasks of 50 ms as cells on 2 workers, in shares of the ideal time; and the time of a cell that does
nothing, for the serial executor.
"""

import argparse
import json
import logging
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

from tests.helpers.killing import kill_and_continue

from antivenom.runner import Experiment, Ray, Store, load_spec
from antivenom.runner.events import no_op
from antivenom.runner.executors import ray as ray_executor
from antivenom.runner.executors import serial as serial_executor
from antivenom.runner.executors.executor import Work
from antivenom.runner.executors.serial import Serial
from antivenom.runner.spec.loading import make_experiment
from antivenom.storage.yaml12 import dump_yaml
from benchmarks.machine import machine

STUDY: dict[str, Any] = {
    "name": "study",
    "train_rows": 600,
    "attack": {"name": "badnets", "target": 7},
    "training": {"name": "end_to_end", "epochs": 8},
    "grid": {
        "attack": [
            {"name": "badnets", "target": 7},
            {"name": "label_flip"},
            {"name": "random_noise"},
            {"name": "badnets", "target": 3},
            {"name": "label_flip", "pairs": [[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]]},
        ],
        "attack.rate": [0.05, 0.1, 0.2],
        "model": [{"name": "mlp", "hidden": [16]}, {"name": "mlp", "hidden": [32]}],
        "seed": [0, 1, 2, 3],
    },
}
KILLS, SEED = 20, 7


def kills(executor: str, quick: bool) -> dict[str, Any]:
    """Kill a sweep again and again, and compare its table with that of an undisturbed run."""
    spec = {**STUDY, "grid": {**STUDY["grid"], **({"seed": [0], "attack.rate": [0.1]} if quick else {})}}
    dice = random.Random(SEED)
    delays = [dice.uniform(2.0, 10.0) for _ in range(3 if quick else KILLS)]
    with tempfile.TemporaryDirectory() as place:
        at = Path(place)
        (at / "spec.yaml").write_text(dump_yaml(spec))
        began = time.monotonic()
        load_spec(spec).run(out=at / "right", store=Store(at / "right-store"), progress=False)
        undisturbed = time.monotonic() - began
        options = ["--executor", executor, "--workers", "2", "--retry-failed"]
        state = kill_and_continue(at / "spec.yaml", at / "out", at / "store", options, delays, SEED)
        right, table = ((at / name / "table.csv").read_bytes() for name in ("right", "out"))
        cells = len(list((at / "out" / "cells").iterdir()))
    return {
        "executor": executor,
        "cells": cells,
        "undisturbed seconds, serial": round(undisturbed, 1),
        "kills": dict(Counter(state.kills)),
        "starts": state.runs,
        "cells given up and run again": state.given_up,
        "computed twice": len(state.computed_twice),
        "table is the same": right == table,
    }


def overhead(quick: bool) -> dict[str, Any]:
    """Measure what an executor adds to the time of its cells."""
    count = 100 if quick else 1000
    one = make_experiment(
        {"attack": {"name": "badnets", "target": 7}, "model": {"name": "mlp"}}, Experiment, allow_code=False
    )
    with tempfile.TemporaryDirectory() as place:
        work = Work({str(number): one for number in range(count)}, Path(place), Store(Path(place) / "store"), "cpu")
        with mock.patch.object(serial_executor, "run_cell", lambda *_: None):
            began = time.perf_counter()
            assert sum(1 for _ in Serial().run(work, no_op)) == count
            serial = (time.perf_counter() - began) / count
        with (
            mock.patch.object(ray_executor, "run_task", nap),
            mock.patch.object(ray_executor._Tasks, "_publish", lambda *_: None),
        ):
            import ray  # noqa: PLC0415 - an optional package

            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
            warm = Work({str(number): one for number in range(8)}, Path(place), work.store, "cpu")
            list(Ray().run(warm, no_op))
            plain = plain_tasks(ray, count)
            began = time.perf_counter()
            assert sum(1 for _ in Ray().run(work, no_op)) == count
            seconds = time.perf_counter() - began
            ray.shutdown()
    ideal = count * 0.05 / 2
    return {
        "cells": count,
        "serial ms a cell": round(serial * 1000, 3),
        "Ray, share of ideal": round(ideal / seconds, 3),
        "plain Ray tasks, share of ideal": round(ideal / plain, 3),
    }


def plain_tasks(ray: Any, count: int) -> float:
    """Return the seconds of the same tasks without antivenom."""
    task = ray.remote(num_cpus=1)(nap)
    began = time.perf_counter()
    running = [task.remote() for _ in range(count)]
    while running:
        _, running = ray.wait(running, num_returns=1)
    return time.perf_counter() - began


def nap(*_: Any) -> str:
    """Stand in for the work of a cell: 50 ms."""
    time.sleep(0.05)
    return ""


def main() -> int:
    """Run the measurements, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=["kills", "overhead", "all"], default="all")
    parser.add_argument("--executor", choices=["processes", "ray"], default="processes")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(machine())
    measured = {}
    if arguments.what in ("overhead", "all"):
        measured["overhead"] = overhead(arguments.quick)
    if arguments.what in ("kills", "all"):
        measured["kills"] = kills(arguments.executor, arguments.quick)
    print(json.dumps(measured, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(measured))
    bad = "kills" in measured and (measured["kills"]["computed twice"] or not measured["kills"]["table is the same"])
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
