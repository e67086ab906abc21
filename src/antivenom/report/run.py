"""Reading a finished run's folder for a report. All content is checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from antivenom.charts import Chart
from antivenom.charts.typed import short
from antivenom.errors import AntivenomError, RunError
from antivenom.runner.results.folder import written_files
from antivenom.runner.results.loading import read_details
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.results.reading import Measured, checked_about, read_figures, read_repeats
from antivenom.storage.chart_files import read_charts
from antivenom.storage.yaml12 import read_yaml

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One run: a cell of a grid, or a single experiment.

    Attributes:
        name: the name of the cell, or of the experiment without a grid.
        spec: the spec, with every default written out.
        metrics: the figures by key, in the order of the report.
        repeats: the figures of each repeat, by key.
        about: the manifest.
        headline: the main results, in a few sentences.
        doubts: the reasons to doubt the result, one sentence each.
        assumptions: what was inferred from the data and the model, one sentence each.
        charts: the charts by key, in the order of the report.
        axes: the values that the grid set in the cell.
        arrays: the arrays of `details.npz`, for the lesson of the walking boundary.
    """

    name: str
    spec: dict[str, Any]
    metrics: dict[str, Measured]
    repeats: list[dict[str, float | None]]
    about: dict[str, Any]
    headline: str
    doubts: tuple[str, ...]
    charts: Mapping[str, Chart]
    assumptions: tuple[str, ...] = ()
    axes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


def read_run(folder: Path, name: str | None = None, axes: dict[str, Any] | None = None) -> Run:
    """Read a run's folder.

    Raises:
        RunError: a file is missing or damaged.
    """
    try:
        manifest = read_manifest(folder / MANIFEST)
        manifest.check_all(written_files(folder))
        spec, about = read_yaml(folder / "spec.yaml"), checked_about(manifest.about, folder / MANIFEST)
        if not isinstance(spec.get("name"), str):
            raise RunError(f"{folder / 'spec.yaml'} must contain settings with a `name`; got {short(spec)}.")
        return Run(
            name=spec["name"] if name is None else name,
            spec=spec,
            metrics=read_figures(folder),
            repeats=read_repeats(folder / "repeats.json"),
            about=about,
            headline=about["headline"],
            doubts=tuple(about["doubts"]),
            assumptions=tuple(about["assumptions"]),
            charts=read_charts(folder),
            axes=axes or {},
            arrays=read_details(folder / "details.npz"),
        )
    except RunError:
        raise
    except AntivenomError as error:
        raise RunError(f"{folder} is not a finished run, or it is damaged: {error}") from error


def cells_of(folder: Path, about: Mapping[str, Any]) -> Iterator[tuple[str, Path, dict[str, Any], int]]:
    """Yield the name, the folder, the grid values and the number of doubts of each cell of a grid.

    Raises:
        RunError: the manifest is damaged, or names a folder outside of the run.
    """
    cells, place = about["cells"], folder / "cells"
    if not isinstance(cells, dict) or not cells:
        raise RunError(f"{folder / 'manifest.json'} must contain cells by name; got {short(cells)}.")
    if place.is_symlink():
        raise RunError(f"{place} must be a folder; got a symbolic link.")
    for name in sorted(cells, key=_number):
        cell = place / name
        if cell.parent != place or name in ("", ".", "..") or cell.is_symlink():
            raise RunError(f"{folder / 'manifest.json'} names a cell outside of the run: {short(name)}.")
        entry = cells[name]
        if not isinstance(entry, dict) or not isinstance(entry.get("axes"), dict):
            raise RunError(f"{folder / 'manifest.json'}: cell {short(name)} must have `axes`; got {short(entry)}.")
        doubts = entry.get("doubts", [])
        yield name, cell, entry["axes"], len(doubts) if isinstance(doubts, list) else 0


def _number(name: str) -> tuple[float, str]:
    """Return a key that sorts numbered cells: 2 comes before 10."""
    first = name.partition("-")[0]
    return (float(first) if first.isdecimal() and len(first) < 12 else float("inf"), name)
