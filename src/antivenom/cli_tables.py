"""Tables of figures for the terminal: one table for each component."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antivenom.charts import title_of, worded, worded_interval
from antivenom.terminal import printable, styled

CELLS_SHOWN = 40
MAX_NAME_WIDTH = 30
"""The width of the column of cell names, in characters. Longer names wrap."""
MIN_NAME_WIDTH = 20
COLUMN_GAP = 2
"""The number of spaces between two columns."""
TIGHT: Mapping[str, Any] = {"padding": (0, 1, 0, 0), "pad_edge": False}

Metrics = Mapping[str, Mapping[str, Any]]


def run_table(metrics: Metrics, width: int = 80) -> Group:
    """Return a table of the figures of one run, with one line for each figure: victim, control, interval.

    The name of a component has a line of its own. Figures that have the same name and different subjects (classes,
    layers) share one line, which shows their range.
    """
    columns, groups = ("victim", "control", "95 % interval"), by_component(metrics)
    values = [columns, *(line[1:] for lines in groups.values() for line in lines)]
    widths = [max(map(len, column)) for column in zip(*values, strict=True)]
    room = width - sum(widths) - COLUMN_GAP * (len(columns) + 1)
    if room < MIN_NAME_WIDTH:
        return _narrow(groups, width)
    names = {line[0]: broken(line[0], room - 2).splitlines() for lines in groups.values() for line in lines}
    name_width = min(room, 2 + max((len(each) for lines in names.values() for each in lines), default=0))

    def table(*, header: bool) -> Table:
        made = Table(box=SIMPLE_HEAD, show_header=header, show_edge=False, **TIGHT)
        made.add_column("", overflow="fold", width=name_width)
        for name, size in zip(columns, widths, strict=True):
            made.add_column(name, justify="right", no_wrap=True, width=size)
        return made

    parts: list[RenderableType] = [_heading("Means over the repeats", width), table(header=True)]
    for component, lines in groups.items():
        own = table(header=False)
        for title, *cells in lines:
            own.add_row("  " + "\n  ".join(names[title]), *cells)
        parts += [_heading(component, width), own]
    return Group(*parts)


def _narrow(groups: Mapping[str, Sequence[tuple[str, str, str, str]]], width: int) -> Group:
    """Return the figures of one run as a list, for a terminal on which a table would lose digits."""
    parts: list[RenderableType] = [_heading("Means over the repeats", width)]
    for component, lines in groups.items():
        parts.append(_heading(component, width))
        for title, victim, control, interval in lines:
            named = (f"control {control}" * bool(control), f"interval {interval}" * bool(interval))
            parts.append(styled(f"  {title}: {', '.join(filter(None, (victim, *named)))}"))
    return Group(*parts)


def by_component(metrics: Metrics) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return the lines of a table (title, victim, control, interval) for each component."""
    groups: dict[str, dict[str, list[str]]] = {}
    for key, entry in metrics.items():
        groups.setdefault(entry["component"], {}).setdefault(entry["name"], []).append(key)
    return {
        component: [_line(metrics, name, keys) for name, keys in names.items()] for component, names in groups.items()
    }


def sweep_tables(cells: Mapping[str, Metrics], width: int = 80) -> Iterator[Group]:
    """Yield one table for each component: a line for each cell, a column for each figure that has no subject.

    Figures that are the same in all cells are in one sentence instead. Columns that do not fit into `width` characters
    go to a further table.
    """
    columns: dict[str, dict[str, str]] = {}
    for metrics in cells.values():
        for key, entry in metrics.items():
            if not entry["subject"] and not entry["control"]:
                columns.setdefault(entry["component"], {})[key] = title_of(str(entry["name"]))
    for component, figures in columns.items():
        same = [key for key in figures if _is_same(cells, key)]
        differing = {key: title for key, title in figures.items() if key not in same}
        metrics = next(iter(cells.values()))
        listed = "; ".join(f"{figures[key]} {_in_words(metrics, key)}" for key in same)
        sentence = styled(f"The same in all cells: {listed}.\n" if same else "")
        if not differing:
            yield Group(_heading(component, width), sentence)
            continue
        for number, (table, caption) in enumerate(_component_tables(cells, differing, width)):
            title = component + (", continued" if number else "")
            notes = [styled(caption)] * bool(caption) + [sentence] * (number == 0)
            yield Group(_heading(title, width), table, *notes)


def with_doubts(cells: Mapping[str, Metrics], doubts: Mapping[str, int]) -> dict[str, Metrics]:
    """Return the metrics of all cells, each with the number of its doubts as one more figure."""
    entry = {"component": "doubts", "name": "doubts", "unit": "count", "low": None, "high": None}
    plain = {**entry, "subject": "", "control": False}
    return {cell: {**metrics, "doubts": {**plain, "mean": doubts[cell]}} for cell, metrics in cells.items()}


def _is_same(cells: Mapping[str, Metrics], key: str) -> bool:
    """Return whether a figure, as it is shown, is the same in all of several cells."""
    first, *others = (_lines_of(metrics, key) for metrics in cells.values())
    return bool(first and others) and all(lines == first for lines in others)


def _in_words(metrics: Metrics, key: str) -> str:
    """Return a figure in one line, with its control and its interval."""
    entry, control = metrics[key], metrics.get(f"{key}.control")
    interval = "" if entry["low"] == entry["high"] else worded_interval(entry["low"], entry["high"], entry["unit"])
    parts = [worded(entry["mean"], entry["unit"]), f"interval {interval}" * bool(interval)]
    if control is not None and control["mean"] is not None:
        parts.append(f"control {worded(control['mean'], control['unit'])}")
    return ", ".join(filter(None, parts))


def _component_tables(
    cells: Mapping[str, Metrics], figures: Mapping[str, str], width: int
) -> Iterator[tuple[Table, str]]:
    """Yield the tables of one component, each with the columns that fit, and their captions."""
    shown = dict(list(cells.items())[:CELLS_SHOWN])
    rows = {cell: metrics for cell, metrics in shown.items() if any(key in metrics for key in figures)}
    values = {key: [_lines_of(metrics, key) for metrics in rows.values()] for key in figures}
    widths = {key: _column_width(title, values[key]) for key, title in figures.items()}
    name_width = min(MAX_NAME_WIDTH, max(4, *map(len, rows)), max(4, width // 2))
    for keys in _column_groups(widths, width - name_width - COLUMN_GAP):
        table = Table(box=SIMPLE_HEAD, **TIGHT)
        table.add_column("cell", overflow="fold", width=name_width)
        for key in keys:
            table.add_column(figures[key], justify="right", width=widths[key], overflow="fold")
        for row, cell in enumerate(rows):
            table.add_row(broken(cell, name_width), *("\n".join(values[key][row]) for key in keys))
        caption = _caption(
            len(cells) - len(shown),
            controls=any(key + ".control" in each for key in keys for each in rows.values()),
            intervals=any(len(lines) > 1 for key in keys for lines in values[key]),
        )
        yield table, caption


def _column_width(title: str, values: Sequence[Sequence[str]]) -> int:
    """Return the width of a column whose title has about three lines, and whose values have one."""
    return max(math.ceil(0.4 * len(title)), *map(len, (*title.split(), *chain(*values))))


def broken(name: str, width: int) -> str:
    r"""Return a name in lines of at most `width` characters, where possible. It breaks only after a punctuation mark.

    >>> broken("filter.noise_filter:Jitter(noise=0.1)", 20)
    'filter.noise_filter:\nJitter(noise=0.1)'
    """
    lines = [""]
    for part in re.findall(r".*?[-_.:,(/ ](?!\d)|.+$", name):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def _heading(text: str, width: int) -> Text:
    """Return a title that spans the row."""
    return Text(broken(printable(text), width), style="bold", overflow="fold")


def _caption(more: int, *, controls: bool, intervals: bool) -> str:
    cells = "1 more cell is" if more == 1 else f"{more} more cells are"
    parts = [
        "In parentheses: the control." * controls,
        "Below: the 95 % interval over the repeats." * intervals,
        f"{cells} in table.csv." * bool(more),
    ]
    return " ".join(filter(None, parts))


def _column_groups(widths: Mapping[str, int], width: int) -> Iterator[list[str]]:
    """Yield groups of columns that fit into `width` characters. Each group has at least one column."""
    group: list[str] = []
    space = width
    for key, size in widths.items():
        if group and size + COLUMN_GAP > space:
            yield group
            group, space = [], width
        group.append(key)
        space -= size + COLUMN_GAP
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
    """Return the value of one entry, or the smallest and the largest value of several."""
    if not entries:
        return ""
    known = [entry["mean"] for entry in entries if entry["mean"] is not None]
    unit = entries[0]["unit"]
    if not known:
        return worded(None, unit)
    low, high = min(known), max(known)
    return worded(low, unit) if worded(low, unit) == worded(high, unit) else worded_interval(low, high, unit)


def _lines_of(metrics: Metrics, key: str) -> list[str]:
    """Return the victim's mean with the control's in parentheses, and the victim's interval if there is one."""
    if key not in metrics:
        return []
    entry = metrics[key]
    control = metrics.get(f"{key}.control")
    suffix = "" if control is None or control["mean"] is None else f" ({worded(control['mean'], control['unit'])})"
    interval = worded_interval(entry["low"], entry["high"], entry["unit"])
    return [worded(entry["mean"], entry["unit"]) + suffix, *([interval] if interval else [])]
