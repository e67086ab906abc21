"""A second page with the table of a sweep, to sort and to filter. It has a script, and needs no network."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from antivenom.charts import worded, worded_interval
from antivenom.files.writing import write_text
from antivenom.report.grid import Grid
from antivenom.report.html import as_run_error, render
from antivenom.report.sweep import read_sweep, row_and_costs
from antivenom.report.tables import full_title
from antivenom.runner.results.reading import Measured

MAX_PLACES = 300_000
"""The most places of the table: rows times columns. Beyond, it has the headline figures only, then fewer rows."""


def write_interactive(folder: Path | str) -> Path:
    """Write `table.html` into the folder of a sweep: the table of its finished cells, with a script.

    The script sorts by any column and filters rows. It is part of the page, and the page forbids everything else.

    Args:
        folder: the folder of a sweep, which may still run.

    Returns:
        The path of the page.

    Raises:
        RunError: the folder is not a sweep, or it is damaged.
    """
    folder = Path(folder)
    with as_run_error(folder):
        sweep = read_sweep(folder)
        rows = [row_and_costs(cell)[0] for cell in sweep.cells]
        title = str(sweep.spec.get("name", "experiment"))
        count = f"{len(rows):,} of {sweep.planned:,} cells are finished."
        page = render("table.html", title=title, count=count, data=_script_text(_content(rows and Grid(rows))))
    write_text(folder / "table.html", page.encode("utf-8", errors="replace").decode())
    return folder / "table.html"


def _content(grid: Grid | list[Any]) -> dict[str, Any]:
    """Return columns and rows as JSON. Each value has its text and the number that it is sorted by."""
    if isinstance(grid, list):
        return {"columns": [], "names": 0, "rows": [], "note": ""}
    keys = list(grid.figures)
    headline = [key for key in keys if grid.figures[key].headline]
    note = ""
    if len(grid.rows) * (len(keys) + len(grid.axes)) > MAX_PLACES:
        keys, note = headline, "Only the headline figures are shown; table.csv contains all."
    most = max(1, MAX_PLACES // (len(keys) + len(grid.axes) + 1))
    if len(grid.rows) > most:
        note = f"The first {most:,} of {len(grid.rows):,} cells and the headline figures are shown; table.csv has all."
    rows = [
        [
            [row.name, None, row.link],
            *([row.axes[axis], _number(row.raw.get(axis))] for axis in grid.axes),
            *(_value(row.figures.get(key)) for key in keys),
        ]
        for row in grid.rows[:most]
    ]
    titles = [full_title(grid.figures[key]) for key in keys]
    return {"columns": ["cell", *grid.axes, *titles], "names": 1 + len(grid.axes), "rows": rows, "note": note}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(figure: Measured | None) -> list[Any]:
    """Return the text, the number and the interval of a figure. The number is in the unit of the text."""
    if figure is None or figure.mean is None:
        return ["–", None]
    factor = 100.0 if figure.unit in ("share", "yes_no", "points") else 1.0
    interval = worded_interval(figure.low, figure.high, figure.unit)
    return [worded(figure.mean, figure.unit), factor * figure.mean, interval]


def _script_text(content: Mapping[str, Any]) -> str:
    """Return JSON that cannot end its element of the page."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
