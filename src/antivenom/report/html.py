"""Writing the page: a run's figures and charts in a template that escapes all text."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from antivenom.errors import RunError
from antivenom.files.opening import is_file
from antivenom.files.writing import write_bytes
from antivenom.report import grid, words
from antivenom.report.pictures import views, write_pictures
from antivenom.report.run import Run, cells_of, read_run
from antivenom.report.sections import Section, section_of
from antivenom.runner.results.folder import written_files
from antivenom.runner.results.manifest import MANIFEST, read_manifest
from antivenom.runner.results.reading import read_figures
from antivenom.storage.yaml12 import dump_yaml, read_yaml

DAMAGE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
"""The exceptions that the parts of a manifest and a spec that are only shown may raise if they are damaged."""


def write_report(folder: Path | str) -> Path:
    """Write `report.html` and `figures/` into a finished run's folder.

    For a grid, reports of the cells are written too. If the grid has more than 200 cells, only the first 12 have one.
    To write the report of another cell, pass the cell's folder, `RUN/cells/NAME`.

    Args:
        folder: a folder that `Result.save` or `Sweep.run` wrote, or the folder of a cell.

    Returns:
        The path of the report.

    Raises:
        RunError: the folder is not a finished run, or it is damaged.
    """
    folder = Path(folder)
    if not is_file(folder / MANIFEST):
        raise RunError(f"{folder} is not a finished run of antivenom: it does not contain manifest.json.")
    manifest = read_manifest(folder / MANIFEST)
    try:
        if "cells" in manifest.about:
            manifest.check_all(written_files(folder))
            return _write_grid(folder, manifest.about)
        run = read_run(folder, folder.name if folder.parent.name == "cells" else None)
        return _write_run(folder, run)[0]
    except DAMAGE as error:
        raise RunError(f"{folder} is damaged: {type(error).__name__}: {error}") from error


def _write_run(folder: Path, run: Run) -> tuple[Path, Section]:
    section, pngs = section_of(run)
    write_pictures(folder, pngs)
    terms = words.explained(figure.title for figure in run.metrics.values())
    page = _page("run.html", title=run.name, made=words.made_with(run.about), section=section, terms=terms)
    return _write(folder, page), section


def _write_grid(folder: Path, about: dict[str, Any]) -> Path:
    spec = read_yaml(folder / "spec.yaml")
    cells = list(cells_of(folder, about))
    axes = [axis for axis in spec.get("grid", {}) if axis in cells[0][2]] or list(cells[0][2])
    with_page = len(cells) if len(cells) <= grid.MAX_PAGES else grid.MAX_SECTIONS
    inline = len(cells) <= grid.MAX_SECTIONS or len(cells) > grid.MAX_PAGES
    sections, rows = [], []
    for place, (name, cell, values, doubts) in enumerate(cells):
        chosen = {axis: values[axis] for axis in axes}
        if place < with_page:
            run = read_run(cell, name, chosen)
            section = _write_run(cell, run)[1]
            sections += [section] * (inline and place < grid.MAX_SECTIONS)
            figures = run.metrics
        else:
            figures = read_figures(cell)
        page = f"cells/{quote(name)}/report.html" if place < with_page else ""
        link = f"#{quote(name)}" if inline and page else page
        rows.append(grid.row_of(name, chosen, figures, doubts, link))
    return _write(folder, _grid_page(folder, about, spec, grid.Grid(rows), sections))


def _grid_page(
    folder: Path, about: dict[str, Any], spec: dict[str, Any], whole: grid.Grid, sections: list[Section]
) -> str:
    overview = whole.overview()
    shown, pngs = views({} if overview is None else {overview.name: overview})
    write_pictures(folder, pngs)
    return _page(
        "grid.html",
        title=str(spec.get("name", "experiment")),
        made=words.made_with(about),
        terms=words.explained(figure.title for figure in whole.figures.values()),
        count=len(whole.rows),
        axes=whole.axes,
        overview=[(view.uri, whole.description(), whole.caption()) for view in shown.values()],
        table=whole.table(),
        others=whole.others(),
        pivots=whole.pivots(),
        sections=sections,
        unwritten=whole.rows[-1].name if not whole.rows[-1].link else "",
        spec=dump_yaml(spec),
    )


def _write(folder: Path, page: str) -> Path:
    """Write the page. Characters that UTF-8 cannot encode become question marks."""
    write_bytes(folder / "report.html", page.encode("utf-8", errors="replace"))
    return folder / "report.html"


def _page(template: str, **content: Any) -> str:
    return _environment().get_template(template).render(**content)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("antivenom.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = words.unbroken
    return environment
