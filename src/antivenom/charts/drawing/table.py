"""The drawing of `Table`, for notebooks and files. Reports show tables as text."""

from antivenom.charts.data import Table
from antivenom.charts.drawing.style import SMALL_POINTS, Canvas, literal, width_of

MOST_ROWS, MOST_COLUMNS, MOST_LETTERS, ROW_INCHES = 60, 12, 40, 0.22


def size(chart: Table, across: int) -> tuple[float, float]:
    """Return width and height in inches."""
    return max(2.0, sum(_widths(chart))) / min(across, 2), ROW_INCHES * (min(len(chart.rows), MOST_ROWS) + 1) + 0.3


def draw(chart: Table, canvas: Canvas) -> None:
    """Write the cells on a canvas. The horizontal unit is an inch, the vertical unit is a row."""
    axes, widths = canvas.axes, _widths(chart)
    rows = [row[:MOST_COLUMNS] for row in chart.rows[:MOST_ROWS]]
    if len(rows) < len(chart.rows):
        canvas.notes.append(f"Only the first {MOST_ROWS} of {len(chart.rows):,} rows are shown.")
    if len(widths) < len(chart.columns):
        canvas.notes.append(f"Only the first {MOST_COLUMNS} of {len(chart.columns):,} columns are shown.")
    for down, row in enumerate([chart.columns[:MOST_COLUMNS], *rows]):
        weight = "bold" if down == 0 else "normal"
        for place, cell in enumerate(row):
            left, right = sum(widths[:place]), sum(widths[: place + 1])
            x, side = (right - 0.1, "right") if place in chart.numeric else (left + 0.1, "left")
            text = literal(cell, MOST_LETTERS)
            axes.text(x, down + 0.5, text, ha=side, va="center", fontsize=SMALL_POINTS, weight=weight)
        axes.axhline(down + 1, color="#888888" if down == 0 else "#DDDDDD", linewidth=0.8)
    axes.set(xlim=(0, max(sum(widths), 1)), ylim=(len(rows) + 1, 0))
    axes.set_axis_off()


def _widths(chart: Table) -> list[float]:
    """Return the width of each column in inches."""
    columns = range(min(len(chart.columns), MOST_COLUMNS))
    shown = [chart.columns, *chart.rows[:MOST_ROWS]]
    return [
        max(width_of(literal(row[place], MOST_LETTERS), SMALL_POINTS) for row in shown) * 1.1 + 0.25
        for place in columns
    ]
