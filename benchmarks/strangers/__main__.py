"""The command: `make` makes the networks, `list` prints a table of those that exist."""

import argparse
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.strangers.cases import cases
from benchmarks.strangers.making import make
from benchmarks.strangers.recipes import RECIPES
from benchmarks.strangers.summary import summary


def main() -> None:
    """Run the command."""
    options = parser().parse_args()
    if options.command == "list":
        print(summary(options.into))
        return
    selected = [case for case in cases(options.round) if options.only in (None, case.recipe)]
    print(" · ".join(f"{name} {value}" for name, value in machine().items()))
    make(selected, options.into, options.workers)
    print(summary(options.into))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    result = argparse.ArgumentParser(prog="python -m benchmarks.strangers", description=__doc__)
    commands = result.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make the networks that do not exist yet")
    listing = commands.add_parser("list", help="print a table of the networks")
    for each in (making, listing):
        each.add_argument("--into", type=Path, required=True, metavar="DIR", help="the folder of the networks")
    making.add_argument("--workers", type=int, default=2, help="the number of processes, with one thread each")
    making.add_argument("--only", choices=list(RECIPES), help="only the networks of this recipe")
    making.add_argument("--round", type=int, default=0, help="another round has other seeds (default: 0)")
    return result


if __name__ == "__main__":
    main()
