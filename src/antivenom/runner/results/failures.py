"""The cells of a sweep, and those that failed: two files in the sweep's folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from antivenom.errors import RunError
from antivenom.files.opening import exists
from antivenom.storage.files import locked, read_json, write_json

FAILURES, PLANNED = "failures.json", "cells.json"
"""The cells that failed, with their errors; and the values that the grid sets in each cell."""

LOCK = ".failures.lock"
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Failure:
    """The reason why a cell failed.

    Args:
        error: the name of the exception's class.
        message: its message.
        trace: the traceback.
    """

    error: str
    message: str
    trace: str = ""


def write_planned(folder: Path, axes: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the values that the grid sets in each cell, by the cell's name."""
    write_json(folder / PLANNED, {name: dict(values) for name, values in axes.items()}, sort_keys=False)


def read_planned(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the values that the grid sets in each planned cell.

    Raises:
        RunError: the folder is not a sweep, or the file is damaged.
    """
    file = folder / PLANNED
    if not exists(file):
        raise RunError(f"{folder} is not a sweep: {PLANNED} is missing. Choose the folder of a sweep.")
    return _mappings(file)


def read_failures(folder: Path) -> dict[str, Failure]:
    """Return the failures of a sweep by cell; empty if there are none.

    Raises:
        RunError: the file is damaged.
    """
    file = folder / FAILURES
    if not exists(file):
        return {}
    return {
        name: Failure(*(_text(entry.get(key)) for key in ("error", "message", "trace")))
        for name, entry in _mappings(file).items()
    }


def add_failure(folder: Path, cell: str, failure: Failure) -> None:
    """Record that a cell failed."""
    with _changing(folder) as failures:
        failures[cell] = failure


def remove_failures(folder: Path, cells: set[str]) -> None:
    """Remove the records of cells that no longer failed."""
    if cells & set(read_failures(folder)):
        with _changing(folder) as failures:
            for cell in cells & set(failures):
                del failures[cell]


@contextmanager
def _changing(folder: Path) -> Iterator[dict[str, Failure]]:
    """Yield the failures for a change, while no other process of the sweep changes them."""
    with locked(folder, LOCK, seconds=WAIT_SECONDS):
        failures = read_failures(folder)
        yield failures
        content = {name: asdict(failures[name]) for name in sorted(failures)}
        if content or exists(folder / FAILURES):
            write_json(folder / FAILURES, content)


def _mappings(file: Path) -> dict[str, dict[str, Any]]:
    content = read_json(file)
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise RunError(f"{file} must contain a mapping for each cell. Run the same sweep again.")
    return content


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
