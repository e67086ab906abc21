"""The page: whatever a run reports, put into a template that escapes everything."""

from pathlib import Path
from typing import Any

import jinja2

from antivenom.charts import worded
from antivenom.errors import RunError
from antivenom.report.comparison import (
    CELLS_SHOWN,
    CELLS_WITH_PAGES,
    compared,
    overview,
    pivots,
    row_of,
    table_of,
)
from antivenom.report.run import Run, read_run
from antivenom.report.section import Picture, file_name, section_of
from antivenom.storage.files import read_json, write_bytes, write_text
from antivenom.storage.yaml12 import dump_yaml, read_yaml


def write_report(folder: Path | str) -> Path:
    """Write `report.html` and `figures/` into a finished run's folder; for a grid, into its cells' too.

    Args:
        folder: what `Result.save` or `Sweep.run` wrote, or a cell's folder.

    Returns:
        The report's path.

    Raises:
        RunError: the folder holds no finished run, or is damaged.

    >>> import tempfile
    >>> from antivenom.runner import load_spec
    >>> folder = Path(tempfile.mkdtemp()) / "run"
    >>> spec = {"attack": "label_flip", "training": {"name": "end_to_end", "epochs": 1}}
    >>> _ = load_spec(spec).run(out=folder, progress=False)
    >>> write_report(folder).name
    'report.html'
    """
    folder = Path(folder)
    if not (folder / "manifest.json").is_file():
        raise RunError(f"{folder} holds no finished run of antivenom.")
    about = read_json(folder / "manifest.json")
    try:
        if "cells" in about:
            return _write_grid(folder, about)
        run = read_run(folder)
        return _write(folder, run, section_of(run))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise RunError(f"{folder} is damaged: {type(error).__name__}: {error}") from error


def _write(folder: Path, run: Run, section: dict[str, Any]) -> Path:
    _write_pictures(folder, section["pictures"])
    page = _template("run.html").render(title=run.name, about=run.about, section=section, spec=dump_yaml(run.spec))
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _write_grid(folder: Path, about: dict[str, Any]) -> Path:
    spec = read_yaml(folder / "spec.yaml")
    axes, sections, rows = list(spec["grid"]), [], []
    has_pages = len(about["cells"]) <= CELLS_WITH_PAGES
    for name, cell in about["cells"].items():
        place = folder / "cells" / name
        if place.parent != folder / "cells":
            raise RunError(f"{folder / 'manifest.json'} names a cell outside of the run: {name}.")
        run = read_run(place, name, {axis: cell["axes"][axis] for axis in axes})
        rows.append(row_of(run))
        if has_pages:
            section = section_of(run)
            _write(place, run, section)
            if len(about["cells"]) <= CELLS_SHOWN:
                sections.append(section)
    charts = overview(rows, axes)
    pictures = [
        Picture(file_name(key), chart.to_png(), chart.alt, chart.caption, chart.title) for key, chart in charts.items()
    ]
    _write_pictures(folder, pictures)
    main, more = (compared(rows, headline=headline) for headline in (True, False))
    page = _template("grid.html").render(
        title=str(spec.get("name", "experiment")),
        about=about,
        axes=axes,
        overview=pictures,
        pivots=pivots(rows, axes),
        main=_titles(main),
        more=_titles(more),
        main_rows=table_of(rows, main),
        more_rows=table_of(rows, more),
        sections=sections,
        has_pages=has_pages,
        spec=dump_yaml(spec),
    )
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _titles(figures: dict[str, dict[str, Any]]) -> list[str]:
    return [f"{entry['component']}: {str(entry['name']).replace('_', ' ')}" for entry in figures.values()]


def _write_pictures(folder: Path, pictures: list[Picture]) -> None:
    """Write charts as PNG below `figures`, which must be a folder of the run's own."""
    target = folder / "figures"
    if target.is_symlink():
        raise RunError(f"{target} is a symbolic link. Remove it: a report writes into the run's own folder alone.")
    for picture in pictures:
        write_bytes(target / f"{picture.name}.png", picture.png)


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("antivenom.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["worded"] = worded
    return environment.get_template(name)
