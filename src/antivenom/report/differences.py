"""The table of a sweep's paired differences: victim against control, with p-values corrected for many cells."""

from collections.abc import Mapping, Sequence

from antivenom.charts import worded
from antivenom.report.grid import Row
from antivenom.report.tables import MAX_ROWS, Cell, Sheet, full_title, value_cell
from antivenom.runner.results.cell_table import corrected


def differences_sheet(rows: Sequence[Row]) -> Sheet | None:
    """Return a table with a row for each cell, and difference and p-values of each figure; None without differences.

    Args:
        rows: the finished cells.
    """
    figures = {key: figure for row in rows for key, figure in row.figures.items() if figure.paired}
    if not figures:
        return None
    tests = {key: {row.name: row.figures[key].p_value for row in rows if key in row.figures} for key in figures}
    p_values = corrected(tests)
    columns = ["cell"]
    for figure in figures.values():
        columns += [full_title(figure), "p", "p, Holm"]
    body = []
    for row in rows[:MAX_ROWS]:
        cells = [Cell(row.name, link=row.link, head=True)]
        for key in figures:
            both = p_values[key].get(row.name, (None, None))
            cells += [value_cell(row.figures.get(key)), *(Cell(worded(each, "p_value")) for each in both)]
        body.append(tuple(cells))
    return Sheet(tuple(columns), tuple(body), _caption(tests, len(rows)), "Victim against control, for each cell")


def _caption(tests: Mapping[str, Mapping[str, float | None]], cells: int) -> str:
    """Return what the numbers are, and which tests form a family."""
    family = max(sum(each is not None for each in own.values()) for own in tests.values())
    words = "Differences victim - control, paired by repeat, with their 95 % intervals below"
    if not family:
        return f"{words}. No cell has two repeats, so there are no intervals and no p-values."
    shown = f" The first {MAX_ROWS:,} of {cells:,} cells are shown; table.csv contains all." * (cells > MAX_ROWS)
    return (
        f"{words}; p is that of the paired t-test. Holm's correction is over the finished cells with a p-value "
        f"({family:,}), for each figure on its own. A cell with fewer than two repeats has no p-value.{shown}"
    )
