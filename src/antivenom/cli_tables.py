"""Figures on the terminal: whatever a run reports, a table for each component."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from antivenom.charts import title_of, worded, worded_interval

CELLS_SHOWN = 40

Metrics = Mapping[str, Mapping[str, Any]]


def run_table(metrics: Metrics) -> Table:
    """The figures of one run, a line each, victim beside control.

    Figures of one name with subjects, such as classes or layers, share a line that shows their range.
    """
    table = Table(title="Means over the repeats", title_justify="left")
    for column, justify in (("", "left"), ("victim", "right"), ("control", "right"), ("95 % interval", "left")):
        table.add_column(column, justify=justify, no_wrap=column != "95 % interval")  # type: ignore[arg-type]
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


def sweep_tables(cells: Mapping[str, Metrics]) -> Iterator[Table]:
    """For each component, a table with a line for each cell and a column for each figure without a subject."""
    columns: dict[str, dict[str, str]] = {}
    for metrics in cells.values():
        for key, entry in metrics.items():
            if not entry["subject"] and not entry["control"]:
                columns.setdefault(entry["component"], {})[key] = title_of(str(entry["name"]))
    shown = list(cells)[:CELLS_SHOWN]
    for component, figures in columns.items():
        more = len(cells) - len(shown)
        caption = f"{more} more cells are in table.csv." if more else "In parentheses: the control."
        table = Table(title=escape(component), title_justify="left", caption=caption, caption_justify="left")
        table.add_column("cell", no_wrap=True)
        for title in figures.values():
            table.add_column(title, justify="right")
        for cell in shown:
            if any(key in cells[cell] for key in figures):
                table.add_row(escape(cell), *(_both(cells[cell], key) for key in figures))
        yield table


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
    low, high = worded(min(known), unit), worded(max(known), unit)
    return low if len(entries) == 1 or low == high else f"{low} to {high}"


def _both(metrics: Metrics, key: str) -> str:
    if key not in metrics:
        return ""
    entry = metrics[key]
    control = metrics.get(f"{key}.control")
    beside = "" if control is None or control["mean"] is None else f" ({worded(control['mean'], control['unit'])})"
    return escape(worded(entry["mean"], entry["unit"]) + beside)
