"""What a grid's page says of all its cells together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from antivenom.report import figures, words
from antivenom.report.drawing import Picture
from antivenom.report.run import Run
from antivenom.runner.results.result import MAIN
from antivenom.runner.sweep import label

SECTIONS = 12
"""So many cells, at most, are shown on the grid's own page; of more, each has its page alone."""
LINES = 40


@dataclass(frozen=True)
class Pivot:
    """One figure of all cells: a line for each setting of the other axes, a column for each of the numeric axis'.

    Attributes:
        title: what the figure is.
        axis: the numeric axis.
        columns: its values, and at the end the control, where it has the figure.
        lines: the other axes' values, and the figure in words for each column.
    """

    title: str
    axis: str
    columns: tuple[str, ...]
    lines: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def row_of(run: Run) -> dict[str, Any]:
    """A cell's line in the table of all cells."""
    row: dict[str, Any] = {"cell": run.name, "axes": {key: label(value) for key, value in run.axes.items()}}
    row["raw"] = run.axes
    row["doubts"] = len(run.doubts)
    for name in (*MAIN, *_learned(run)):
        entry = run.metrics[name]
        row |= {name: entry["mean"], f"{name}_low": entry["low"], f"{name}_high": entry["high"]}
        row[f"{name}_text"] = words.points(entry["mean"]) if name == "accuracy_drop" else words.percent(entry["mean"])
        bounds = "" if entry["low"] is None else f"{100 * entry['low']:.1f} to {100 * entry['high']:.1f}"
        row[f"{name}_interval"] = bounds
    row["shown"] = {name: title for name, title in _titles().items() if row.get(name) is not None}
    return row


def with_short_labels(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same lines, components called by their names alone where these tell an axis' values apart."""
    short = {}
    for axis in rows[0]["axes"]:
        full = {row["axes"][axis]: row["raw"][axis] for row in rows}
        names = {text: value["name"] for text, value in full.items() if isinstance(value, dict) and "name" in value}
        if len(set(names.values()) | (full.keys() - names.keys())) == len(full):
            short[axis] = names
    return [
        {**row, "axes": {axis: short.get(axis, {}).get(text, text) for axis, text in row["axes"].items()}}
        for row in rows
    ]


def numeric_axis(axes: Sequence[str], spec: dict[str, Any]) -> str | None:
    """The one axis that has three numbers or more; None where there is none, or another."""
    grid = spec.get("grid", {})
    found = [
        key
        for key in axes
        if len(grid.get(key, ())) >= 3
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in grid[key])
    ]
    return found[0] if len(found) == 1 else None


def shown(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The figures that some cell has, and what they are called."""
    return {name: title for row in rows for name, title in row["shown"].items()}


def pivots(rows: list[dict[str, Any]], axis: str | None) -> list[Pivot]:
    """A table for each figure; none where there is no numeric axis, or no other."""
    others = [key for key in rows[0]["axes"] if key != axis]
    lines = list(dict.fromkeys(tuple(row["axes"][key] for key in others) for row in rows))
    if axis is None or not others or len(lines) > LINES:
        return []
    values = sorted({row["raw"][axis] for row in rows})
    made = []
    for name, title in shown(rows).items():
        twin = {"clean_accuracy": "control_accuracy"}.get(name, _control(name))
        found = {(tuple(row["axes"][key] for key in others), row["raw"][axis]): row for row in rows}
        body = []
        for line in lines:
            mine = [found[line, value] for value in values]
            cells = [words.percent(row.get(name)) for row in mine]
            if all(row.get(name) is None for row in mine):
                continue
            known = [row[twin] for row in mine if row.get(twin) is not None]
            if twin in rows[0]:
                cells.append(words.percent(sum(known) / len(known) if known else None))
            body.append((line, tuple(cells)))
        columns = (*map(str, values), *(["control"] if twin in rows[0] else []))
        made.append(Pivot(title, axis, columns, tuple(body)))
    return made


def overview(rows: list[dict[str, Any]], axis: str | None) -> list[Picture]:
    """Curves against the numeric axis, or a line for each cell where there is none."""
    best = max(rows, key=lambda row: row["clean_accuracy"] or 0)
    said = (
        f"The highest clean accuracy is {best['clean_accuracy_text']}, in {best['cell']}; all figures are in the table."
    )
    if axis is None:
        text = f"One line for each cell. {said}"
        return [Picture("cells", figures.cells(rows), text, "Means over the repeats, a line for each cell.")]
    flat = [{**row, **row["axes"], axis: row["raw"][axis]} for row in rows]
    png = figures.curves(flat, axis, [key for key in rows[0]["axes"] if key != axis], shown(rows))
    caption = f"Against {axis}; bands are 95 % intervals over the repeats."
    return [Picture("curves", png, f"Curves against {axis}. {said}", caption)]


def _titles() -> dict[str, str]:
    """The figures that a grid compares, and what they are called."""
    return {
        "clean_accuracy": "clean accuracy",
        "attack_success_rate": "attack success rate",
        "analysis.probes.penultimate_accuracy": "linear probe on the penultimate layer",
        "analysis.probes.softmax_accuracy": "linear probe on the softmax",
        "analysis.similarity.penultimate_cka": "CKA of the penultimate layer with the control's",
    }


def _control(name: str) -> str:
    return f"{name}.control" if name.startswith("analysis.") else f"control_{name}"


def _learned(run: Run) -> list[str]:
    """Those of them that analyses gave, and the control's."""
    wanted = [name for title in _titles() for name in (title, _control(title)) if title not in MAIN]
    return [name for name in wanted if name in run.metrics]
