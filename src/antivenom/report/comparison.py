"""What a grid's page says of all its cells together."""

from collections.abc import Sequence
from typing import Any

from antivenom.charts import Chart, worded
from antivenom.report.run import Run
from antivenom.report.section import interval
from antivenom.runner.results.comparing import cells_chart, numeric_axis
from antivenom.runner.results.sweep_result import values_of
from antivenom.runner.spec.naming import label

CELLS_SHOWN = 12
"""At most this many cells are shown on the grid's own page; of more, each has its page alone."""
CELLS_WITH_PAGES = 200
"""At most this many cells get a page of their own with the grid's; of more, the command `report` writes one."""
PIVOT_LINES = 40


def row_of(run: Run) -> dict[str, Any]:
    """A cell's line in the tables of all cells."""
    return {
        "cell": run.name,
        "axes": {key: label(value) for key, value in run.axes.items()},
        "raw": {key: value if isinstance(value, int | float) else label(value) for key, value in run.axes.items()},
        "metrics": {key: entry for key, entry in run.metrics.items() if not entry["subject"]},
        "doubts": len(run.doubts),
    }


def compared(rows: Sequence[dict[str, Any]], *, headline: bool) -> dict[str, dict[str, Any]]:
    """The figures of all cells, those of a headline or the others, by key, with what each says of itself."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        for key, entry in row["metrics"].items():
            if bool(entry["headline"]) is headline and not entry["control"]:
                found.setdefault(key, entry)
    return {key: entry for key, entry in found.items() if any(_mean(row, key) is not None for row in rows)}


def table_of(rows: Sequence[dict[str, Any]], figures: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each cell, with each figure in words, its interval and its control."""
    lines = []
    for row in rows:
        cells = []
        for key in figures:
            entry, control = row["metrics"].get(key), row["metrics"].get(f"{key}.control")
            cells.append(
                {
                    "victim": "" if entry is None else worded(entry["mean"], entry["unit"]),
                    "control": "" if control is None else worded(control["mean"], control["unit"]),
                    "interval": "" if entry is None else interval(entry),
                }
            )
        lines.append({**row, "cells": cells})
    return lines


def overview(rows: Sequence[dict[str, Any]], axes: Sequence[str]) -> dict[str, Chart]:
    """A chart for each headline figure over all cells."""
    charts = {}
    for key, entry in compared(rows, headline=True).items():
        flat = [{"cell": row["cell"], **row["raw"], **values_of(key, row["metrics"])} for row in rows]
        charts[key] = cells_chart(key, flat, axes, entry)
    return charts


def pivots(rows: Sequence[dict[str, Any]], axes: Sequence[str]) -> list[dict[str, Any]]:
    """A table for each headline figure against the axis of numbers; none without such an axis, or without another."""
    axis = numeric_axis(axes, [row["raw"] for row in rows])
    others = [key for key in axes if key != axis]
    lines = list(dict.fromkeys(tuple(row["axes"][key] for key in others) for row in rows))
    if axis is None or not others or len(lines) > PIVOT_LINES:
        return []
    values = sorted({row["raw"][axis] for row in rows})
    at = {(tuple(row["axes"][key] for key in others), row["raw"][axis]): row for row in rows}
    made = []
    for key, entry in compared(rows, headline=True).items():
        body = [(line, [_worded(at.get((line, value)), key, entry) for value in values]) for line in lines]
        title = f"{entry['component']}: {str(entry['name']).replace('_', ' ')}"
        made.append({"title": title, "axis": axis, "others": others, "columns": values, "lines": body})
    return made


def _worded(row: dict[str, Any] | None, key: str, entry: dict[str, Any]) -> str:
    return "" if row is None else worded(_mean(row, key), entry["unit"])


def _mean(row: dict[str, Any], key: str) -> Any:
    return row["metrics"][key]["mean"] if key in row["metrics"] else None
