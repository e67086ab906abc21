"""The command: `make` makes the networks, `list` lists them, `scan` scans them, `report` prints the table of a scan."""

import argparse
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.strangers.cases import cases
from benchmarks.strangers.comparison import comparison
from benchmarks.strangers.making import make
from benchmarks.strangers.recipes import RECIPES
from benchmarks.strangers.report import report
from benchmarks.strangers.scanning import SCANS, scan
from benchmarks.strangers.summary import summary


def main() -> None:
    """Run the command."""
    arguments = parser()
    options = arguments.parse_args()
    if options.command != "make" and not options.into.is_dir():
        arguments.error(f"{options.into} is not a folder. Make the networks first: make --into {options.into}.")
    if options.command == "list":
        print(summary(options.into))
        return
    if options.command == "scan":
        scan(options.into, options.scan, options.workers)
    if options.command == "compare":
        print(comparison(options.into, ("mm_bd", "neural_cleanse")))
        return
    if options.command in ("scan", "report"):
        print(report(options.into, options.scan))
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
    scanning = commands.add_parser("scan", help="scan the networks that work, and print the table")
    reporting = commands.add_parser("report", help="print the table of a scan again")
    comparing = commands.add_parser("compare", help="compare the verdicts of mm_bd and neural_cleanse")
    for each in (making, listing, scanning, reporting, comparing):
        each.add_argument("--into", type=Path, required=True, metavar="DIR", help="the folder of the networks")
    for each in (making, scanning):
        each.add_argument("--workers", type=int, default=2, help="the number of processes, with one thread each")
    for each in (scanning, reporting):
        each.add_argument("--scan", choices=list(SCANS), required=True, help="the scan")
    making.add_argument("--only", choices=list(RECIPES), help="only the networks of this recipe")
    making.add_argument("--round", type=int, default=0, help="another round has other seeds (default: 0)")
    return result


if __name__ == "__main__":
    main()
