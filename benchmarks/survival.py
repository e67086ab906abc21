"""Disturb runs in every way, and compare what they write at the end with an undisturbed run, byte by byte.

    python -m benchmarks.survival [--kills 100] [--disks 20] [--flips 200] [--rounds 10] [--quick] [--json FILE]

The run is a grid of three cells on digits with two repeats. Every trial starts from a seed, so it can be repeated.

`kills`: the process group is killed after a delay, or shortly after the end of a stage, and the same command is run
again. Every fourth trial has two workers; in some of them, only the first process is killed. `disks`: the disk becomes
full during the run: files have a largest size, or the store or the run's folder is on a small file system (as root).
Then the same command is run without the limit. `store`: bytes of stages in the store are changed, and the run is
repeated. `folder`: a byte of a finished run is changed, then `antivenom report` and `Result.load` read it. `together`:
two runs use the same store at the same time; the store is cleaned, or verified, all the time during a run. `places`:
the store or the folder cannot be written to, or becomes read-only during the run.

With `--json`, every result is written at once, and a benchmark that was stopped continues there.
"""

import argparse
import json
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.disturbances import disk, kill, places, together
from benchmarks.flips import AT_ONCE, damaged_folder, damaged_store
from benchmarks.machine import machine
from benchmarks.undisturbed import Reference, Row, reference

Trial = Callable[[Reference, Path, random.Random, int], Row]
TRIALS: dict[str, Trial] = {
    "kills": kill, "disks": disk, "store": damaged_store, "folder": damaged_folder, "together": together,
    "places": places,
}  # fmt: skip


def show(part: str, rows: list[Row]) -> None:
    """Print the results of one part."""
    bad = [row for row in rows if row["problems"]]
    for row in bad:
        print(f"{part}: {json.dumps(row, indent=1)}", flush=True)
    counts = Counter(f"{row['kind']}: {row.get('skipped') or row.get('moment')}".rstrip(": ") for row in rows)
    print(f"{part}: {len(rows)} trials, {len(bad)} with problems. {dict(sorted(counts.items()))}", flush=True)
    for key in ("twice", "damaged"):
        if any(key in row for row in rows):
            print(f"{part}: {key} {sum(row.get(key, 0) for row in rows)}", flush=True)


def main() -> None:
    """Do all trials that the file does not have, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--disks", type=int, default=20)
    parser.add_argument("--flips", type=int, default=200, help="in the store; and the same number in folders")
    parser.add_argument("--rounds", type=int, default=10, help="of commands at the same time, and of places")
    parser.add_argument("--only", choices=TRIALS, help="only this part")
    parser.add_argument("--quick", action="store_true", help="a tenth of all trials")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    counts = {
        "kills": options.kills, "disks": options.disks, "store": options.flips // AT_ONCE, "folder": options.flips,
        "together": options.rounds, "places": max(6, options.rounds),
    }  # fmt: skip
    about = machine()
    print(" · ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    known = json.loads(options.json.read_text())["rows"] if options.json and options.json.is_file() else {}
    rows: dict[str, list[Row]] = {part: known.get(part, []) for part in TRIALS}
    with tempfile.TemporaryDirectory(prefix="antivenom-survival-") as folder:
        right = reference(Path(folder))
        print(f"the undisturbed run: {right.seconds[0]:.1f} s, with two workers {right.seconds[1]:.1f} s", flush=True)
        for part, trial in TRIALS.items():
            if options.only not in (None, part):
                continue
            count = -(-counts[part] // 10) if options.quick and part not in ("together", "places") else counts[part]
            for number in range(len(rows[part]), count):
                row = trial(right, Path(folder), random.Random(f"{part} {number}"), number)
                rows[part].append(row)
                if row["problems"]:
                    print(f"{part} {number}: {row}", flush=True)
                if options.json:
                    part_file = options.json.with_suffix(".new")
                    part_file.write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")
                    part_file.replace(options.json)
            show(part, rows[part])


if __name__ == "__main__":
    main()
