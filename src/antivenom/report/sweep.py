"""The page's content about a sweep: the finished cells compared, the failed ones, the costs and the commands."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from antivenom.errors import RunError, SettingsError
from antivenom.files.opening import exists, is_file
from antivenom.report import words
from antivenom.report.differences import differences_sheet
from antivenom.report.grid import MAX_PAGES, MAX_SECTIONS, Grid, Row, row_of
from antivenom.report.pictures import views
from antivenom.report.tables import MAX_ROWS, Cell, Sheet
from antivenom.runner.results.cell_table import axis_names
from antivenom.runner.results.costs import Cost, costs_of, total_of
from antivenom.runner.results.failures import PLANNED, Failure
from antivenom.runner.results.folder import written_files
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.results.reading import checked_about, read_figures
from antivenom.runner.results.sweep_folder import read_sweep_spec
from antivenom.runner.results.sweep_result import SweepResult
from antivenom.runner.spec.axes import SECTIONS
from antivenom.runner.spec.command import command_for
from antivenom.runner.spec.grid import set_keys
from antivenom.storage.yaml12 import dump_yaml

MAX_NAMED = 20
"""The most failed or missing cells that the page names."""
MAX_MESSAGE = 300
"""The length of an error on the page, in characters."""
MAX_COMMANDS = 1000


@dataclass(frozen=True)
class CellPage:
    """A finished cell, and where its page is.

    Attributes:
        name: its name.
        folder: its folder.
        axes: the values that the sweep sets in it.
        shown: the same, with the values that its settings have on the other axes.
        has_page: whether it has a page of its own.
        is_inline: whether the page of the sweep contains it too.
    """

    name: str
    folder: Path
    axes: dict[str, Any]
    shown: dict[str, Any]
    has_page: bool
    is_inline: bool

    @property
    def link(self) -> str:
        """The address of its section or page; empty for none."""
        if self.is_inline:
            return f"#{quote(self.name)}"
        return f"cells/{quote(self.name)}/report.html" if self.has_page else ""


@dataclass(frozen=True)
class SweepFolder:
    """The folder of a sweep.

    Attributes:
        folder: its path.
        spec: the spec.
        about: the manifest of the sweep, or of the first finished cell while the sweep runs.
        cells: the finished cells.
        planned: the number of all cells.
        failures: the errors of the failed cells.
        missing: the names of the cells that have not run yet.
    """

    folder: Path
    spec: dict[str, Any]
    about: dict[str, Any]
    cells: tuple[CellPage, ...]
    planned: int
    failures: Mapping[str, Failure]
    missing: tuple[str, ...]


def is_sweep(folder: Path) -> bool:
    """Return whether a folder is that of a sweep, and not that of one run.

    Raises:
        RunError: it is neither, or its manifest is damaged.
    """
    if exists(folder / PLANNED):
        return True
    if not is_file(folder / MANIFEST):
        raise RunError(f"{folder} is not a finished run of antivenom: it does not contain manifest.json.")
    return "cells" in read_manifest(folder / MANIFEST).about


def read_sweep(folder: Path) -> SweepFolder:
    """Read the folder of a sweep, also while it runs.

    Raises:
        RunError: it is not a sweep, or it is damaged.
    """
    about: dict[str, Any] | None = None
    if is_file(folder / MANIFEST):
        manifest = read_manifest(folder / MANIFEST)
        manifest.check_all(written_files(folder))
        about = manifest.about
    result, spec = SweepResult.load(folder), read_sweep_spec(folder)
    if about is None:
        first = next(iter(result.axes), None)
        about = {} if first is None else read_manifest(folder / "cells" / first / MANIFEST).about
    return SweepFolder(
        folder, spec, about, _cells(result, spec), len(result.planned), result.failures, tuple(result.missing)
    )


def _cells(result: SweepResult, spec: Mapping[str, Any]) -> tuple[CellPage, ...]:
    used = axis_names(result.axes)
    sections = [section for section in map(spec.get, SECTIONS) if isinstance(section, dict)]
    names = list(dict.fromkeys([*(axis for section in sections for axis in section if axis in used), *used]))
    count = len(result.axes)
    with_page = count if count <= MAX_PAGES else MAX_SECTIONS
    inline = MAX_SECTIONS if count <= MAX_SECTIONS or count > MAX_PAGES else 0
    base = {key: value for key, value in spec.items() if key not in SECTIONS}
    place_of = {name: place for place, name in enumerate(result.axes)}
    return tuple(
        CellPage(
            name=name,
            folder=result.folder / "cells" / name,
            axes=dict(axes),
            shown=_shown(base, axes, names),
            has_page=place_of[name] < with_page,
            is_inline=place_of[name] < inline,
        )
        for name, axes in result.axes.items()
    )


def _shown(base: Mapping[str, Any], axes: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the value of each axis in a cell. For those that the sweep does not set there, the spec has it or not."""
    if len(axes) == len(names):
        return {name: axes[name] for name in names}
    settings = copy.deepcopy(dict(base))
    try:
        set_keys(settings, axes)
    except SettingsError:  # a damaged spec: only the values of the sweep are known
        return dict(axes)
    values = dict(axes)
    for name in names:
        inner: Any = settings
        for part in name.split("."):
            inner = inner.get(part) if isinstance(inner, dict) else None
        if name not in values and inner is not None:
            values[name] = inner
    return {name: values[name] for name in names if name in values}


def sweep_content(sweep: SweepFolder) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the content of the page, and the drawn charts as PNGs by key."""
    rows, costs = [], {}
    for cell in sweep.cells:
        row, costs[cell.name] = row_and_costs(cell)
        rows.append(row)
    whole = Grid(rows) if rows else None
    charts = whole.overviews() if whole else []
    shown, pngs = views({f"{each.chart.name}{number or ''}": each.chart for number, each in enumerate(charts)})
    ranges = whole.ranges() if whole else ""
    pictures = [
        (view.uri, f"{each.caption} {ranges}".strip(), each.caption)
        for view, each in zip(shown.values(), charts, strict=True)
    ]
    return {
        "title": str(sweep.spec.get("name", "experiment")),
        "made": words.made_with(sweep.about),
        "terms": words.explained(figure.title for figure in whole.figures.values()) if whole else (),
        "lead": _lead(sweep, whole),
        "status": _status(sweep),
        "overview": pictures,
        "boards": whole.boards() if whole else [],
        "others": whole.others() if whole else None,
        "differences": differences_sheet(rows),
        "pivots": whole.pivots() if whole else [],
        "unwritten": sweep.cells[-1].name if sweep.cells and not sweep.cells[-1].has_page else "",
        "costs": costs_sheet(sweep, costs) if whole else None,
        "total": total_sentence(costs),
        "cells": len(sweep.cells),
        "commands": [(cell.name, command_of(sweep.spec, cell)) for cell in sweep.cells[:MAX_COMMANDS]],
        "spec": dump_yaml(sweep.spec),
    }, pngs


def command_of(spec: Mapping[str, Any], cell: CellPage) -> str:
    """Return the command that runs a cell again, in the folder of the sweep."""
    return command_for(spec, cell.axes, out=f"again/{cell.name}")


def row_and_costs(cell: CellPage) -> tuple[Row, dict[str, Cost]]:
    """Return a cell's row and its costs. Its files are compared with their checksums."""
    manifest = read_manifest(cell.folder / MANIFEST)
    manifest.check_all(["metrics.json"])
    about = checked_about(manifest.about, manifest.file)
    row = row_of(cell.name, cell.shown, read_figures(cell.folder), len(about["doubts"]), cell.link)
    return row, costs_of(about, manifest.file)


def _lead(sweep: SweepFolder, whole: Grid | None) -> str:
    """Return the first sentence of the page."""
    axes = f" over {words.listed(whole.axes)}" if whole else ""
    count = len(sweep.cells)
    noun = "experiment" if sweep.planned == 1 else "experiments"
    if count == sweep.planned:
        return f"{count:,} {noun}{axes}. Each has a victim and a control."
    return f"{count:,} of {sweep.planned:,} {noun}{axes}. Each has a victim and a control."


def _status(sweep: SweepFolder) -> tuple[str, list[tuple[str, str]]] | None:
    """Return a sentence about the cells that are not finished, and name and error of each; None if all are."""
    failed, missing = len(sweep.failures), len(sweep.missing)
    if not failed and not missing:
        return None
    parts = [f"{len(sweep.cells):,} of {sweep.planned:,} cells finished"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{missing:,} {'has' if missing == 1 else 'have'} not finished yet"] if missing else []
    shown = [(name, _error(each)) for name, each in list(sweep.failures.items())[:MAX_NAMED]]
    if failed > MAX_NAMED:
        shown.append(("…", f"and {failed - MAX_NAMED:,} more: see failures.json"))
    if missing:
        more = f" and {missing - MAX_NAMED:,} more" if missing > MAX_NAMED else ""
        shown.append(("Not finished yet", f"{', '.join(sweep.missing[:MAX_NAMED])}{more}"))
    return f"{'; '.join(parts)}. The tables and charts contain only the finished cells.", shown


def _error(failure: Failure) -> str:
    text = f"{failure.error}: {failure.message}"
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…"


def costs_sheet(sweep: SweepFolder, costs: Mapping[str, Mapping[str, Cost]]) -> Sheet | None:
    """Return the table of the cost of each cell, collapsed; None if no cell has stages."""
    kinds = list(dict.fromkeys(kind for each in costs.values() for kind in each))
    if not kinds:
        return None
    rows = []
    for cell in sweep.cells[:MAX_ROWS]:
        own, total = costs[cell.name], total_of(costs[cell.name])
        seconds = [Cell(f"{own[kind].seconds:,.1f}" if kind in own else "–") for kind in kinds]
        stored = Cell(f"{total.stored:,} of {total.stages:,}")
        rows.append((Cell(cell.name, link=cell.link, head=True), *seconds, Cell(f"{total.seconds:,.1f}"), stored))
    more = f" The first {MAX_ROWS:,} of {len(costs):,} cells are shown; costs.csv contains all."
    caption = f"Seconds of each kind of stage.{more if len(costs) > MAX_ROWS else ''}"
    return Sheet(("cell", *kinds, "all", "read from the store"), tuple(rows), caption, "Cost of each cell")


def total_sentence(costs: Mapping[str, Mapping[str, Cost]]) -> str:
    """Return a sentence about the cost of all cells; empty if no cell has stages."""
    total = sum((total_of(each) for each in costs.values()), Cost())
    if total.stored_share is None:
        return ""
    share = words.percent(total.stored_share)
    return (
        f"The stages of all finished cells took {total.seconds:,.1f} seconds. "
        f"{total.stored:,} of {total.stages:,} stages ({share}) were read from the store."
    )
