"""Reading the folder of a sweep, which may still be running and is not trusted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antivenom.errors import RunError, SettingsError
from antivenom.files.opening import exists, is_file, is_link
from antivenom.registry import did_you_mean
from antivenom.runner.results.failures import PLANNED, Failure, read_failures, read_planned
from antivenom.runner.results.folder import read_spec_text
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.spec.axes import MAX_CELLS
from antivenom.settings import short
from antivenom.storage.yaml12 import parse_yaml

MAX_AXES = 1000
"""The most axes of a sweep."""


def planned_cells(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the values that the sweep sets in each planned cell, from `cells.json`, otherwise from `manifest.json`.

    Raises:
        RunError: the folder is not a sweep, a file is damaged, or a cell would be outside of the folder.
    """
    file = folder / PLANNED
    if exists(file):
        planned = read_planned(folder)
    elif is_file(folder / MANIFEST):
        file = folder / MANIFEST
        planned = _of_manifest(file)
    else:
        raise RunError(f"{folder} is not a sweep of antivenom: it contains neither {PLANNED} nor {MANIFEST}.")
    place = folder / "cells"
    if is_link(place):
        raise RunError(f"{place} must be a folder; got a symbolic link.")
    if not 0 < len(planned) <= MAX_CELLS:
        raise RunError(f"{file} must contain 1 to {MAX_CELLS:,} cells; got {len(planned):,}.")
    if len({axis for axes in planned.values() for axis in axes}) > MAX_AXES:
        raise RunError(f"{file} must contain at most {MAX_AXES:,} axes.")
    for name in planned:
        if (place / name).parent != place or name in ("", ".", "..") or "\0" in name or is_link(place / name):
            raise RunError(f"{file} names a cell outside of the run: {short(name)}.")
    return {name: planned[name] for name in sorted(planned, key=_number)}


def finished_axes(folder: Path, axes: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the values of the cells that are finished in a sweep's folder, in the grid's order."""
    return {cell: values for cell, values in axes.items() if is_file(folder / "cells" / cell / MANIFEST)}


def failures_of(folder: Path, planned: Mapping[str, object], finished: Mapping[str, object]) -> dict[str, Failure]:
    """Return the failures of the cells that are planned and not finished, in the order of the sweep.

    Raises:
        RunError: the file is damaged.
    """
    failures = read_failures(folder)
    return {name: failures[name] for name in planned if name in failures and name not in finished}


def read_sweep_spec(folder: Path) -> dict[str, Any]:
    """Return the spec of a sweep.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        spec = parse_yaml(read_spec_text(folder), str(folder / "spec.yaml"))
    except SettingsError as error:
        raise RunError(str(error)) from error
    if not isinstance(spec, dict) or not isinstance(spec.get("name", ""), str):
        raise RunError(f"{folder / 'spec.yaml'} must contain settings; got {short(spec)}.")
    return spec


def unknown_cell(name: str, cells: Mapping[str, object]) -> str:
    """Return the sentence about a cell that a sweep does not have."""
    return f"The sweep does not have a cell '{name}'.{did_you_mean(name, cells)}"


def _of_manifest(file: Path) -> dict[str, dict[str, Any]]:
    cells = read_manifest(file).about.get("cells")
    if not isinstance(cells, dict):
        raise RunError(f"{file.parent} is not a sweep of antivenom: {MANIFEST} must contain cells by name.")
    for name, entry in cells.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("axes"), dict):
            raise RunError(f"{file}: cell {short(name)} must have `axes`; got {short(entry)}.")
    return {name: entry["axes"] for name, entry in cells.items()}


def _number(name: str) -> tuple[float, str]:
    """Return a key that sorts numbered cells: 2 comes before 10."""
    first = name.partition("-")[0]
    return (float(first) if first.isdecimal() and len(first) < 12 else float("inf"), name)
