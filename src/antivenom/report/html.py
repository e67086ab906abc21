"""Writing the page: a run's figures and charts in a template that escapes all text."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from antivenom.errors import RunError
from antivenom.files.writing import write_bytes
from antivenom.report import words
from antivenom.report.pictures import write_pictures
from antivenom.report.run import Run, read_run
from antivenom.report.sections import Section, section_of
from antivenom.report.sweep import is_sweep, read_sweep, sweep_content

DAMAGE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
"""The exceptions that the parts of a manifest and a spec that are only shown may raise if they are damaged."""


def write_report(folder: Path | str) -> Path:
    """Write `report.html` and `figures/` into a finished run's folder, or into that of a sweep, which may still run.

    For a sweep, reports of the finished cells are written too. If more than 200 are finished, only the first 12 have
    one. To write the report of another cell, pass the cell's folder, `RUN/cells/NAME`.

    Args:
        folder: a folder that `Result.save` or `Sweep.run` wrote, or the folder of a cell.

    Returns:
        The path of the report.

    Raises:
        RunError: the folder is not a finished run, or it is damaged.
    """
    folder = Path(folder)
    with as_run_error(folder):
        if is_sweep(folder):
            return _write_sweep(folder)
        run = read_run(folder, folder.name if folder.parent.name == "cells" else None)
        return _write_run(folder, run)[0]


@contextmanager
def as_run_error(folder: Path) -> Iterator[None]:
    """Turn the exceptions that damaged files raise into a `RunError` about the folder."""
    try:
        yield
    except DAMAGE as error:
        raise RunError(f"{folder} is damaged: {type(error).__name__}: {error}") from error


def _write_sweep(folder: Path) -> Path:
    sweep = read_sweep(folder)
    sections: list[Section] = []
    for cell in sweep.cells:
        if cell.has_page:
            section = _write_run(cell.folder, read_run(cell.folder, cell.name, cell.axes))[1]
            sections += [section] if cell.is_inline else []
    content, pngs = sweep_content(sweep)
    write_pictures(folder, pngs)
    return _write(folder, render("grid.html", sections=sections, **content))


def _write_run(folder: Path, run: Run) -> tuple[Path, Section]:
    section, pngs = section_of(run)
    write_pictures(folder, pngs)
    terms = words.explained(figure.title for figure in run.metrics.values())
    page = render("run.html", title=run.name, made=words.made_with(run.about), section=section, terms=terms)
    return _write(folder, page), section


def _write(folder: Path, page: str) -> Path:
    """Write the page. Characters that UTF-8 cannot encode become question marks."""
    write_bytes(folder / "report.html", page.encode("utf-8", errors="replace"))
    return folder / "report.html"


def render(template: str, **content: Any) -> str:
    """Return a page of this package's templates."""
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
