"""The dose of BadNets at which half of the attacked rows get the target class, against a fine grid of doses.

    python -m benchmarks.dose [--quick] [--json FILE]

The search has 5 repeats of each dose. The grid has other seeds, 10 repeats of each dose, and doses that differ by 10 %.
Its dose is where the isotonic fit of its means crosses the level; it must lie in the interval of the search. 6,000 rows
of MNIST below $ANTIVENOM_DATA and a small perceptron; with `--quick`, all digits of scikit-learn.
"""

import argparse
import json
import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from antivenom.runner import Experiment, Store, find_dose, load_spec
from antivenom.runner.dose import measure_doses
from antivenom.runner.scoring.dose_search import Question, crossing
from benchmarks.machine import machine

FIGURE, LEVEL = "attack.success_rate", 0.5
REPEATS, GRID_REPEATS, GRID_STEP, GRID_SEED = 5, 10, 1.1, 1000
MNIST: dict[str, Any] = {
    "name": "dose",
    "dataset": "mnist",
    "train_rows": 6000,
    "model": {"name": "mlp", "hidden": [32]},
    "attack": {"name": "badnets", "target": 7},
    "training": {"name": "end_to_end", "epochs": 5, "batch_size": 64, "learning_rate": 1e-3},
}
DIGITS: dict[str, Any] = {
    **MNIST,
    "dataset": "digits",
    "train_rows": None,
    "training": {"name": "end_to_end", "epochs": 10, "batch_size": 64, "learning_rate": 3e-3},
}


def compared(spec: dict[str, Any]) -> dict[str, Any]:
    """Search the dose, measure the grid around it, and compare both."""
    search, other = load_spec({**spec, "repeats": REPEATS}), load_spec({**spec, "seed": GRID_SEED})
    assert isinstance(search, Experiment)
    assert isinstance(other, Experiment)
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        result = find_dose(search, FIGURE, LEVEL, scale="count", store=Store(Path(folder) / "search"), progress=False)
        seconds = time.monotonic() - began
        first, last = result.points[0].dose, result.points[-1].dose
        steps = math.ceil(math.log(last / first) / math.log(GRID_STEP))
        doses = sorted({round(first * GRID_STEP**step) for step in range(steps + 1)})
        began = time.monotonic()
        store = Store(Path(folder) / "grid")
        points, trainings = measure_doses(other, FIGURE, doses, scale="count", repeats=GRID_REPEATS, store=store)
        grid_seconds = time.monotonic() - began
    question = Question(level=LEVEL, rising=True, smallest=1, low=first, high=last, whole=True)
    grid = crossing(points, question)
    place = result.count
    assert place.dose is not None
    assert grid.dose is not None
    return {
        "rows for half": round(place.dose, 1),
        "interval": [place.low, place.high],
        "share for half": result.rate.dose,
        "doses": len(result.points),
        "trainings": result.trainings,
        "seconds": round(seconds, 1),
        "grid: rows for half": round(grid.dose, 1),
        "grid: interval": [grid.low, grid.high],
        "grid: doses": len(points),
        "grid: trainings": trainings,
        "grid: trainings with the repeats of the search": REPEATS * (len(points) + 1),
        "grid: seconds": round(grid_seconds, 1),
        "the grid's dose is in the interval": (place.low or 0) <= grid.dose <= (place.high or math.inf),
        "doubts": list(result.doubts),
        "curve": [[point.rows, round(point.mean, 4)] for point in result.points],
        "grid: curve": [[point.rows, round(point.mean, 4)] for point in points],
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="use the digits of scikit-learn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file")
    options = parser.parse_args()
    numbers = {"machine": machine(), **compared(DIGITS if options.quick else MNIST)}
    text = json.dumps(numbers, indent=2)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
