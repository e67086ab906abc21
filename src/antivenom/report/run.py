"""A finished run's folder, read for a report; nothing in it is trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from antivenom.charts import Better, Chart, Unit, title_of
from antivenom.charts.typed import Reader, short
from antivenom.errors import AntivenomError, DataError, RunError
from antivenom.runner.results.loading import read_details
from antivenom.storage.chart_files import read_charts
from antivenom.storage.files import read_json
from antivenom.storage.yaml12 import read_yaml

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure over the repeats of a run, as `metrics.json` has it.

    Args:
        name: lower-case words joined by underscores.
        component: what reports it: its kind, and its name where a run may have several of the kind.
        mean: over the repeats; None where the figure does not apply.
        n: over how many repeats.
        low, high: the ends of the 95 % interval; None for none.
        unit: what it counts.
        better: whether a high or a low value is good for the model's owner.
        subject: what one of many figures of a name is about.
        control: whether it is the control's.
        headline: whether it belongs into a short summary.
    """

    name: str
    component: str
    mean: float | None
    n: int
    low: float | None
    high: float | None
    unit: Unit
    better: Better | None = None
    subject: str = ""
    control: bool = False
    headline: bool = False

    @property
    def title(self) -> str:
        """Its name in words."""
        return title_of(self.name)


@dataclass(frozen=True, eq=False)
class Run:
    """One run: a cell of a grid, or a run of its own.

    Attributes:
        name: the cell's name; the experiment's where there is no grid.
        spec: the spec, every default written out.
        metrics: each figure by its key, in the order in which they are reported.
        repeats: each repeat's figures by key.
        about: the manifest.
        headline: what came out, in a few sentences.
        doubts: what a careful reader would doubt.
        charts: by key, in the order in which they are shown.
        axes: what the grid set in it.
        arrays: what `details.npz` holds, for the lesson of a walking boundary.
    """

    name: str
    spec: dict[str, Any]
    metrics: dict[str, Measured]
    repeats: list[dict[str, float | None]]
    about: dict[str, Any]
    headline: str
    doubts: tuple[str, ...]
    charts: Mapping[str, Chart]
    axes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)


def read_run(folder: Path, name: str | None = None, axes: dict[str, Any] | None = None) -> Run:
    """Read a run's folder.

    Raises:
        RunError: a file is missing or damaged.
    """
    try:
        spec, about = read_yaml(folder / "spec.yaml"), read_json(folder / "manifest.json")
        if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
            raise RunError(f"{folder / 'spec.yaml'} must hold settings, with a `name`; got {short(spec)}.")
        where = str(folder / "manifest.json")
        told = {key: about.get(key) for key in ("headline", "doubts")} if isinstance(about, dict) else about
        words = Reader().make(told, _Words, where)
        return Run(
            name=spec["name"] if name is None else name,
            spec=spec,
            metrics=read_metrics(folder),
            repeats=_repeats(folder / "repeats.json"),
            about=about,
            headline=words.headline,
            doubts=words.doubts,
            charts=read_charts(folder),
            axes=axes or {},
            arrays=read_details(folder / "details.npz"),
        )
    except RunError:
        raise
    except AntivenomError as error:
        raise RunError(f"{folder} is no finished run, or a damaged one: {error}") from error


def read_metrics(folder: Path) -> dict[str, Measured]:
    """The figures of a run, in their order.

    Raises:
        RunError: they are missing or damaged.
    """
    file = folder / "metrics.json"
    held = read_json(file)
    if not isinstance(held, dict) or not held:
        raise RunError(f"{file} must hold figures by key; got {short(held)}.")
    known = {each.name for each in fields(Measured)}
    try:
        return {
            key: Reader().make(
                {name: value for name, value in entry.items() if name in known} if isinstance(entry, dict) else entry,
                Measured,
                f"{file}: {short(key)}",
            )
            for key, entry in held.items()
        }
    except DataError as error:
        raise RunError(str(error)) from error


def cells_of(folder: Path, about: Mapping[str, Any]) -> Iterator[tuple[str, Path, dict[str, Any], int]]:
    """The cells of a grid: name, folder, what the grid set, number of doubts.

    Raises:
        RunError: the manifest is damaged, or names a folder elsewhere.
    """
    cells, place = about["cells"], folder / "cells"
    if not isinstance(cells, dict) or not cells:
        raise RunError(f"{folder / 'manifest.json'} must hold cells by name; got {short(cells)}.")
    if place.is_symlink():
        raise RunError(f"{place} is a link. A run's cells must be in its folder.")
    for name in sorted(cells, key=_number):
        cell = place / name
        if cell.parent != place or name in ("", ".", "..") or cell.is_symlink():
            raise RunError(f"{folder / 'manifest.json'} names a cell outside of the run: {short(name)}.")
        entry = cells[name]
        if not isinstance(entry, dict) or not isinstance(entry.get("axes"), dict):
            raise RunError(f"{folder / 'manifest.json'}: cell {short(name)} must have `axes`; got {short(entry)}.")
        doubts = entry.get("doubts", [])
        yield name, cell, entry["axes"], len(doubts) if isinstance(doubts, list) else 0


@dataclass(frozen=True)
class _Words:
    headline: str
    doubts: tuple[str, ...]


def _repeats(file: Path) -> list[dict[str, float | None]]:
    held = read_json(file)
    if not isinstance(held, list) or not all(isinstance(each, dict) for each in held):
        raise RunError(f"{file} must hold a list of figures by key; got {short(held)}.")
    return [
        {key: Reader().read(value, float | None, f"{file}: {short(key)}") for key, value in each.items()}
        for each in held
    ]


def _number(name: str) -> tuple[float, str]:
    """Cells are numbered: 2 comes before 10."""
    first = name.partition("-")[0]
    return (float(first) if first.isdecimal() and len(first) < 12 else float("inf"), name)
