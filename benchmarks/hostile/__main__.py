"""Give hostile files to antivenom: each must be read, or refused by an `AntivenomError`.

    python -m benchmarks.hostile [--what KIND] [--inputs N] [--minutes M] [--seed S] [--json FILE]

With `--json FILE`, the numbers are written to the file every few seconds, and the next call with it goes on there.

The kinds are folders of runs, entries of the store, truths of `measure`, answers of servers, and plugins. Each input is
a small change of a good one. A fault is another exception, more than 10 s, more than 500 MB of memory, a write outside
of the folder, a new program, or the import of code that a file names.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.hostile import isolated
from benchmarks.hostile.base import quick_folder
from benchmarks.hostile.tally import Tally
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


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """Yield a folder for the inputs. Next to them are a file outside, and a module that must never be imported."""
    with tempfile.TemporaryDirectory(dir=quick_folder()) as temporary:
        root = Path(temporary).resolve()
        for name in ("outside", "temporary", "marker"):
            (root / name).mkdir()
        (root / "outside" / "kept.txt").write_text("kept")
        (root / "marker" / f"{isolated.MARKER}.py").write_text("X = 1\n")
        sys.path.append(str(root / "marker"))
        try:
            yield root
        finally:
            sys.path.remove(str(root / "marker"))


def attack(name: str, count: int, seed: int, minutes: float, tally: Tally | None = None) -> Tally:
    """Try the inputs of a kind, from the tally's next one. Return the tally."""
    tally = Tally() if tally is None else tally
    with place() as root:
        attempt = kind_of(name)(root, seed)
        for outcome in isolated.run(attempt, tally.next, count, root, minutes * 60):
            tally.add(outcome)
        left = {each.name: each.read_text() if each.is_file() else "" for each in (root / "outside").iterdir()}
    if left != {"kept.txt": "kept"}:
        tally.add_fault(isolated.Outcome(-1, "breaks out", f"the folder outside now has {left}"))
    tally.save()
    return tally


def main() -> int:
    """Try all inputs, and print the numbers of outcomes and the faults; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60, help="the longest time of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # removes the inputs
    print(machine())
    faulty = False
    for name in KINDS if arguments.what == "all" else [arguments.what]:
        tally = Tally.load(arguments.json, name, arguments.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attack(name, arguments.inputs, arguments.seed, arguments.minutes, tally)
        print(name, tally.described(), flush=True)
        faulty |= bool(tally.faults)
    return int(faulty)


if __name__ == "__main__":
    sys.exit(main())
