"""Figures on the terminal: whatever a run reports, a table for each component."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from antivenom.charts import title_of, worded, worded_interval

CELLS_SHOWN = 40
MOST_NAME = 30
"""How many characters of a cell's name stand on one line; the rest folds."""
GAP = 2
"""How many blanks stand between two columns."""
TIGHT: Mapping[str, Any] = {"padding": (0, 1, 0, 0), "pad_edge": False}

Metrics = Mapping[str, Mapping[str, Any]]


def run_table(metrics: Metrics) -> Table:
    """The figures of one run, a line each, victim beside control.

    Figures of one name with subjects, such as classes or layers, share a line that shows their range.
    """
    table = _table("Means over the repeats")
    table.add_column("", overflow="fold")
    for column in ("victim", "control", "95 % interval"):
        table.add_column(column, justify="right", no_wrap=True)
    for component, lines in by_component(metrics).items():
        table.add_row(f"[bold]{escape(component)}[/bold]", "", "", "")
        for title, victim, control, interval in lines:
            table.add_row(f"  {escape(title)}", escape(victim), escape(control), escape(interval))
    return table


def by_component(metrics: Metrics) -> dict[str, list[tuple[str, str, str, str]]]:
    """For each component, the lines of a table: title, victim, control, interval."""
    groups: dict[str, dict[str, list[str]]] = {}
    for key, entry in metrics.items():
        groups.setdefault(entry["component"], {}).setdefault(entry["name"], []).append(key)
    return {
        component: [_line(metrics, name, keys) for name, keys in names.items()] for component, names in groups.items()
    }


def sweep_tables(cells: Mapping[str, Metrics], width: int = 80) -> Iterator[Table]:
    """For each component, a table with a line for each cell and a column for each figure without a subject.

    Columns that do not fit beside each other stand in a table of their own.
    """
    columns: dict[str, dict[str, str]] = {}
    for metrics in cells.values():
        for key, entry in metrics.items():
            if not entry["subject"] and not entry["control"]:
                columns.setdefault(entry["component"], {})[key] = title_of(str(entry["name"]))
    shown = dict(list(cells.items())[:CELLS_SHOWN])
    for component, figures in columns.items():
        mine = {cell: metrics for cell, metrics in shown.items() if any(key in metrics for key in figures)}
        values = {key: [_both(metrics, key) for metrics in mine.values()] for key in figures}
        needed = {key: max(map(len, (*title.split(), *values[key]))) for key, title in figures.items()}
        name = min(MOST_NAME, max(4, *map(len, mine)))
        for number, keys in enumerate(_fitting(needed, width - name - GAP)):
            table = _table(component + (", continued" if number else ""))
            table.add_column("cell", overflow="fold", width=name)
            for key in keys:
                table.add_column(figures[key], justify="right", width=needed[key])
            for row, cell in enumerate(mine):
                table.add_row(escape(cell), *(escape(values[key][row]) for key in keys))
            table.caption = _caption(
                len(cells) - len(shown), any(key + ".control" in each for key in keys for each in mine.values())
            )
            yield table


def _table(title: str) -> Table:
    return Table(title=escape(title), title_justify="left", caption_justify="left", box=SIMPLE_HEAD, **TIGHT)


def _caption(more: int, controls: bool) -> str:
    parts = ["In parentheses: the control." * controls, f"{more} more cells are in table.csv." * bool(more)]
    return " ".join(filter(None, parts))


def _fitting(needed: Mapping[str, int], width: int) -> Iterator[list[str]]:
    """Columns in groups that fit into a width; each group has one at least."""
    group: list[str] = []
    room = width
    for key, size in needed.items():
        if group and size + GAP > room:
            yield group
            group, room = [], width
        group.append(key)
        room -= size + GAP
    yield group


def _line(metrics: Metrics, name: str, keys: Sequence[str]) -> tuple[str, str, str, str]:
    title = title_of(name)
    victim = [metrics[key] for key in keys if not metrics[key]["control"]]
    control = [metrics[key] for key in keys if metrics[key]["control"]]
    subjects = len({entry["subject"] for entry in (*victim, *control)})
    if subjects > 1:
        title += f" ({subjects})"
    elif keys and metrics[keys[0]]["subject"]:
        title += f" {metrics[keys[0]]['subject']}"
    interval = ""
    if len(victim) == 1:
        interval = worded_interval(victim[0]["low"], victim[0]["high"], victim[0]["unit"])
    return title, _range(victim), _range(control), interval


def _range(entries: Sequence[Mapping[str, Any]]) -> str:
    """One value, or the smallest and the largest of several."""
    if not entries:
        return ""
    known = [entry["mean"] for entry in entries if entry["mean"] is not None]
    unit = entries[0]["unit"]
    if not known:
        return worded(None, unit)
    low, high = min(known), max(known)
    return worded(low, unit) if worded(low, unit) == worded(high, unit) else worded_interval(low, high, unit)


def _both(metrics: Metrics, key: str) -> str:
    if key not in metrics:
        return ""
    entry = metrics[key]
    control = metrics.get(f"{key}.control")
    beside = "" if control is None or control["mean"] is None else f" ({worded(control['mean'], control['unit'])})"
    return worded(entry["mean"], entry["unit"]) + beside
