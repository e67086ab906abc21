"""Give hostile files to antivenom: each must be read, or refused by an `AntivenomError`.

    python -m benchmarks.hostile [--what KIND] [--inputs N] [--minutes M] [--seed S] [--json FILE]

The kinds are folders of runs, entries of the store, truths of `measure`, answers of servers, and plugins. Each input is
a small change of a good one. A fault is another exception, more than 10 s, more than 500 MB of memory, a write outside
of the folder, a new program, or the import of code that a file names.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from benchmarks.hostile import isolated
from benchmarks.machine import machine

KINDS = {
    "run_folders": "RunFolders",
    "store": "StoreEntries",
    "truths": "Truths",
    "downloads": "Downloads",
    "plugins": "Plugins",
}


def kind_of(name: str) -> Callable[[Path, int], isolated.Attempt]:
    """Return the class that makes the inputs of a kind."""
    made: Callable[[Path, int], isolated.Attempt] = getattr(import_module(f"benchmarks.hostile.{name}"), KINDS[name])
    return made


def attack(name: str, count: int, seed: int, minutes: float) -> tuple[Counter[str], list[isolated.Outcome]]:
    """Try the inputs of a kind. Return the numbers of outcomes, and the first fault of each sort."""
    counts, faults, seen = Counter[str](), list[isolated.Outcome](), set[str]()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        (root / "outside").mkdir()
        (root / "outside" / "kept.txt").write_text("kept")
        (root / "temporary").mkdir()
        (root / "marker").mkdir()
        (root / "marker" / f"{isolated.MARKER}.py").write_text("X = 1\n")
        sys.path.append(str(root / "marker"))
        attempt = kind_of(name)(root, seed)
        for outcome in isolated.run(attempt, count, root, minutes * 60):
            counts[outcome.result] += 1
            last = outcome.details.strip().rpartition("\n")[2][:80] + outcome.details[-600:-300]
            if outcome.result not in ("read", "refused") and last not in seen:
                seen.add(last)
                faults.append(outcome)
        left = [each.name for each in (root / "outside").iterdir()]
        sys.path.remove(str(root / "marker"))
    if left != ["kept.txt"]:
        faults.append(isolated.Outcome(-1, "breaks out", f"the folder outside now has {left}"))
    return counts, faults


def main() -> int:
    """Try all inputs, and print the numbers of outcomes and the faults; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--what", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=8, help="the longest time of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(machine())
    counted = {}
    for name in KINDS if arguments.what == "all" else [arguments.what]:
        began = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            counts, faults = attack(name, arguments.inputs, arguments.seed, arguments.minutes)
        counted[name] = {**counts, "sorts of faults": len(faults)}
        print(name, sum(counts.values()), "inputs in", round(time.monotonic() - began), "s", dict(counts), flush=True)
        for fault in faults[:40]:
            print(f"--- {name} {fault.number}: {fault.result}\n{fault.details}")
    if arguments.json:
        arguments.json.write_text(json.dumps(counted))
    return int(any(each["sorts of faults"] for each in counted.values()))


if __name__ == "__main__":
    sys.exit(main())
