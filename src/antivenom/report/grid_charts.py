"""Charts of the headline figures over all cells of a sweep: against each numeric axis, or by cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antivenom.charts import Chart
from antivenom.charts.comparing import Compared, Value, curves, dots, is_numeric
from antivenom.report import words
from antivenom.report.tables import full_title
from antivenom.runner.results.reading import Measured

MAX_CHARTS = 4
MAX_LINES = 8
"""The most curves in one plot. If there are more, cells are averaged."""
MAX_COLUMNS = 4
"""The most columns of plots side by side. If there are more, cells are averaged."""
MAX_DOTS = 60
"""The most cells in a chart by cell."""
SEED = "seed"
"""An axis of numbers without an order. It is averaged over if another axis has numbers."""


@dataclass(frozen=True)
class Overview:
    """A chart of all cells, and the caption that states what it shows."""

    chart: Chart
    caption: str


@dataclass(frozen=True)
class Cells:
    """The values of all cells.

    Args:
        names: the names of the cells.
        raw: the values of the axes of each cell, in the form of the spec.
        texts: the same as text.
        figures: the figures of each cell, by key.
    """

    names: Sequence[str]
    raw: Sequence[Mapping[str, Any]]
    texts: Sequence[Mapping[str, str]]
    figures: Sequence[Mapping[str, Measured]]

    def have_intervals(self, keys: Sequence[str]) -> bool:
        """Return whether one of the figures has an interval in a cell."""
        return any(each[key].low is not None for each in self.figures for key in keys if key in each)


def numeric_axes(axes: Sequence[str], raw: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the axes to draw against: those with at least three different numbers. Seeds only if there is no other.

    >>> numeric_axes(["attack.rate", "seed"], [{"attack.rate": 0.1 * i, "seed": i} for i in range(3)])
    ['attack.rate']
    """
    numeric = [axis for axis in axes if is_numeric([each.get(axis) for each in raw])]
    return [axis for axis in numeric if axis != SEED] or numeric


def overviews(cells: Cells, axes: Sequence[str], keys: Sequence[str], titles: Mapping[str, Measured]) -> list[Overview]:
    """Return a chart against each numeric axis, at most four; without a numeric axis, one chart by cell.

    Args:
        cells: the cells.
        axes: the names of the axes.
        keys: the figures to draw.
        titles: a figure for each key, with its name and unit.
    """
    if not keys:
        return []
    numeric = numeric_axes(axes, cells.raw)
    if numeric:
        return [_against(axis, cells, axes, keys, titles) for axis in numeric[:MAX_CHARTS]]
    return [_by_cell(cells, keys, titles)]


def _by_cell(cells: Cells, keys: Sequence[str], titles: Mapping[str, Measured]) -> Overview:
    """Return a chart with a line for each cell, or for each of the first cells of a large sweep."""
    drawn = cells.figures[:MAX_DOTS]
    compared = [_compared(key, titles, lambda each: [_value(own.get(each)) for own in drawn]) for key in keys]
    means = f"Means over the repeats{' with their 95 % intervals' if cells.have_intervals(keys) else ''}"
    note = f" The first {MAX_DOTS} of {len(cells.names):,} cells are drawn." if len(cells.names) > MAX_DOTS else ""
    return Overview(dots(compared, cells.names[:MAX_DOTS]), f"{means}, one line for each cell.{note}")


def _against(
    axis: str, cells: Cells, axes: Sequence[str], keys: Sequence[str], titles: Mapping[str, Measured]
) -> Overview:
    """Return curves against one axis. Other axes are shown as curves and columns, or averaged if they do not fit."""
    kept, averaged = _divided(axis, cells, axes)
    groups: dict[tuple[tuple[str, ...], float], list[int]] = {}
    for place in _in_order(kept, cells):
        names = tuple(_name(each, cells.texts[place][each], cells.raw[place].get(each)) for each in kept)
        groups.setdefault((names, float(cells.raw[place][axis])), []).append(place)

    def values(key: str) -> list[Value]:
        figures = [[cells.figures[place].get(key) for place in members] for members in groups.values()]
        return [_mean(members) if averaged else _value(members[0]) for members in figures]

    compared = [_compared(key, titles, values) for key in keys]
    chart = curves(compared, axis, [x for _, x in groups], [names for names, _ in groups])
    if averaged:
        caption = (
            f"Against {axis}. Each point is the mean of the cells that differ only in {words.listed(averaged)}. "
            "Bands reach from the smallest to the largest of these cells; they are not intervals."
        )
    else:
        known = cells.have_intervals(keys)
        caption = f"Against {axis}; bands are 95 % intervals over the repeats." if known else f"Against {axis}."
    return Overview(chart, caption)


def _in_order(axes: Sequence[str], cells: Cells) -> list[int]:
    """Return the numbers of the cells, sorted by numbers on these axes; others stay in their order."""

    def key(place: int) -> list[float]:
        values = [cells.raw[place].get(axis) for axis in axes]
        return [float(value) if isinstance(value, int | float) else 0.0 for value in values]

    return sorted(range(len(cells.names)), key=key)


def _name(axis: str, text: str, value: object) -> str:
    """Return the name of a curve: a number with its axis, any other value alone."""
    return f"{axis} {text}" if isinstance(value, int | float) else text


def _divided(axis: str, cells: Cells, axes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the other axes that are drawn, and those that are averaged: seeds, then those with the most values."""
    counts = {each: len({texts[each] for texts in cells.texts}) for each in axes if each != axis}
    kept = [each for each, count in counts.items() if count > 1]
    averaged = []
    while SEED in kept or not _fits(kept, cells):
        most = SEED if SEED in kept else max(reversed(kept), key=lambda each: counts[each])
        kept.remove(most)
        averaged.append(most)
    drawn = {(*(texts[each] for each in kept), texts[axis]) for texts in cells.texts}
    if len(drawn) < len(cells.texts) and not averaged:
        averaged = ["settings that are not shown"]
    return kept, averaged


def _fits(kept: Sequence[str], cells: Cells) -> bool:
    """Return whether plots have few enough columns, which are the values of the first axis, and curves."""
    split = int(len(kept) > 1)
    columns, lines = (
        len({tuple(texts[each] for each in part) for texts in cells.texts}) for part in (kept[:split], kept[split:])
    )
    return columns <= MAX_COLUMNS and lines <= MAX_LINES


def _mean(figures: Sequence[Measured | None]) -> Value:
    """Return the mean of several cells, with the smallest and the largest of them."""
    known = [each.mean for each in figures if each is not None and each.mean is not None]
    return Value(mean=sum(known) / len(known), low=min(known), high=max(known)) if known else Value()


def _value(figure: Measured | None) -> Value:
    return Value() if figure is None else Value(mean=figure.mean, low=figure.low, high=figure.high)


def _compared(key: str, titles: Mapping[str, Measured], values: Callable[[str], list[Value]]) -> Compared:
    """Return a figure of victim and control for a chart."""
    control = values(f"{key}.control") if f"{key}.control" in titles else []
    return Compared(title=full_title(titles[key]), unit=titles[key].unit, victim=values(key), control=control)
