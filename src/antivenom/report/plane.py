"""Decision boundaries in the plane, drawn: grey is before, black is after."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from antivenom.report import words
from antivenom.report.drawing import CONTROL, INK, VICTIM, Picture, style, to_png
from antivenom.report.run import Array, Run

PREFIX = "analysis.boundary."
BEFORE, AFTER = "#9A9A9A", "#000000"
COLOURS = "PuOr"
MARK: dict[str, Any] = {"marker": "o", "markersize": 5.5}
STAR: dict[str, Any] = {"marker": "*", "markersize": 15}


@dataclass(frozen=True, eq=False)
class Walk:
    """What the analysis `boundary` found, as its arrays are called, without their prefix.

    Attributes:
        arrays: by name.
        batch: how many rows a call of `partial_fit` has; None where steps are told in rows.
    """

    arrays: Mapping[str, Array]
    batch: int | None = None

    def __getattr__(self, name: str) -> Array:
        try:
            return self.arrays[name]
        except KeyError:
            raise AttributeError(name) from None

    @cached_property
    def extent(self) -> tuple[float, float]:
        """The square, in both directions."""
        low, high, _ = map(float, self.arrays["square"])
        return low, high

    @cached_property
    def calls(self) -> Array:
        """After how many calls, or rows, each field is (k)."""
        rows = self.arrays["rows"]
        return rows if self.batch is None else -(-rows // self.batch)

    @property
    def unit(self) -> str:
        """What steps are counted in."""
        return "rows learned from" if self.batch is None else "calls of partial_fit"

    def after(self, step: int) -> str:
        """When a step is, in words."""
        count = int(self.calls[step])
        if self.batch is None:
            return f"after {count:,} rows" if count else "after training"
        return f"after {count} call{'' if count == 1 else 's'}"

    def accuracy(self, step: int | None) -> float:
        """Of held-out points; None for before."""
        said = self.arrays["said_before"] if step is None else self.arrays["said"][step]
        return float((said == self.arrays["test_classes"]).mean())

    def turned(self, step: int) -> tuple[Array, Array]:
        """The held-out points that the attack turned wrong, and those that it turned right, by number."""
        true, was, now = self.arrays["test_classes"], self.arrays["said_before"], self.arrays["said"][step]
        return np.flatnonzero((was == true) & (now != true)), np.flatnonzero((was != true) & (now == true))


def walk_of(run: Run) -> Walk | None:
    """What a run's analysis found; None where there was none."""
    arrays = {name.removeprefix(PREFIX): array for name, array in run.arrays.items() if name.startswith(PREFIX)}
    if "before" not in arrays:
        return None
    training = run.spec["training"]
    alone = training.get("name") == "online" and training.get("warm_up") and training.get("warm_up_share") == 1
    return Walk(arrays, int(training["batch_size"]) if alone else None)


def plane(axes: Axes, walk: Walk, title: str) -> None:
    """An empty square with its title."""
    low, high = walk.extent
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.tick_params(labelsize=8)
    axes.title.set_fontsize(10)


def contours(axes: Axes, walk: Walk, field: Array) -> QuadContourSet:
    """P(y = 1), or the decision function, as filled contours, with the boundary."""
    most = max(float(np.abs(field).max()), 1e-9)
    shift, levels = (0.5, np.linspace(0, 1, 11)) if bool(walk.probable) else (0.0, np.linspace(-most, most, 13))
    drawn = axes.contourf(walk.ticks, walk.ticks, field + shift, levels, cmap=COLOURS, alpha=0.85)
    line(axes, walk, field, AFTER)
    return drawn


def line(axes: Axes, walk: Walk, field: Array, colour: str, width: float = 2.0) -> None:
    """A decision boundary; nothing where the square is of one class."""
    if field.min() < 0 < field.max():
        axes.contour(walk.ticks, walk.ticks, field, [0], colors=[colour], linewidths=[width], zorder=3)


def held_out(axes: Axes, walk: Walk, size: float = 1.0) -> None:
    """The held-out points: hollow is class 1, filled is class 0."""
    _points(axes, walk.test, walk.test_classes, {**MARK, "markersize": MARK["markersize"] * size}, 2)


def poison(axes: Axes, walk: Walk, size: float = 1.0) -> None:
    """The poison: stars, with the fill of their label."""
    _points(axes, walk.poison, walk.poison_classes, {**STAR, "markersize": STAR["markersize"] * size}, 4)
    if "dropped" in walk.arrays:
        axes.plot(*walk.dropped.T, "x", color="#C00000", markersize=11 * size, markeredgewidth=2.5, zorder=5)
    aimed(axes, walk, size)


def _points(axes: Axes, points: Array, classes: Array, mark: Mapping[str, Any], order: int) -> None:
    for label, fill in ((0, INK), (1, "white")):
        mine = points[classes == label]
        edge = "white" if label == 0 and mark["marker"] == "*" else INK
        axes.plot(*mine.T, linestyle="", markerfacecolor=fill, markeredgecolor=edge, zorder=order, **mark)


def aimed(axes: Axes, walk: Walk, size: float = 1.0) -> None:
    """The point that is aimed at, where there is one: a cross in a ring."""
    if "aim" in walk.arrays:
        for marker, wide in (("o", 13), ("+", 9)):
            mark: dict[str, Any] = {
                "marker": marker,
                "markersize": wide * size,
                "markeredgewidth": 1.8,
                "markeredgecolor": CONTROL,
            }
            axes.plot(*walk.aim, linestyle="", markerfacecolor="none", zorder=6, **mark)


def arrows(axes: Axes, walk: Walk, step: int) -> None:
    """An arrow to each held-out point that the attack turned wrong."""
    low, high = walk.extent
    away = 0.11 * (high - low)
    for x, y in walk.test[walk.turned(step)[0]]:
        side, up = (1 if x < (low + high) / 2 else -1), (1 if y < (low + high) / 2 else -1)
        axes.annotate(
            "",
            xy=(x + 0.18 * side * away, y + 0.18 * up * away),
            xytext=(x + side * away, y + up * away),
            arrowprops={"arrowstyle": "-|>", "color": VICTIM, "linewidth": 1.8},
            zorder=5,
        )


def after(axes: Axes, walk: Walk, step: int, size: float = 1.0) -> None:
    """Both boundaries, the held-out points, the poison, and what was turned wrong."""
    held_out(axes, walk, size)
    line(axes, walk, walk.before, BEFORE)
    line(axes, walk, walk.arrays["after"][step], AFTER)
    poison(axes, walk, size)
    arrows(axes, walk, step)


def figures(walk: Walk, steps: list[int]) -> Iterator[tuple[str, Figure]]:
    """The lesson, figure by figure, by name."""
    figure, axes = _square(walk, "1. What the model says of every point")
    said = "P(y = 1)" if bool(walk.probable) else "decision function"
    figure.colorbar(contours(axes, walk, walk.before), ax=axes, label=said, shrink=0.85)
    held_out(axes, walk)
    yield "1-contours", figure
    figure, axes = _square(walk, "2. The boundary and the held-out points")
    held_out(axes, walk)
    line(axes, walk, walk.before, AFTER)
    _legend(axes, "class 0", "class 1", "boundary")
    yield "2-boundary", figure
    figure, axes = _square(walk, "The poison")
    held_out(axes, walk)
    line(axes, walk, walk.before, AFTER)
    poison(axes, walk)
    _legend(axes, "class 0", "class 1", "poison", "boundary")
    yield "poison", figure
    for number, step in enumerate(steps, 3):
        figure, axes = _square(walk, f"{number}. {walk.after(step).capitalize()}")
        after(axes, walk, step)
        _legend(axes, "class 0", "class 1", "poison", "before", "after")
        yield f"{number}-after-{int(walk.calls[step])}", figure
    yield "walk", panels(walk, steps)
    yield "curve", curve(walk)


def panels(walk: Walk, steps: list[int]) -> Figure:
    """What the model says before, and a panel for each step, side by side."""
    count = len(steps) + 1
    across = min(count, 4)
    lines = -(-count // across)
    figure = Figure(figsize=(3.1 * across, 3.4 * lines), dpi=110, layout="constrained")
    every = list(figure.subplots(lines, across, squeeze=False).flat)
    plane(every[0], walk, f"before: {words.percent(walk.accuracy(None))} right")
    contours(every[0], walk, walk.before)
    held_out(every[0], walk, 0.6)
    poison(every[0], walk, 0.7)
    for axes, step in zip(every[1:], steps, strict=False):
        area = words.percent(float(walk.flipped[step].sum()))
        plane(
            axes, walk, f"{walk.after(step)}: {words.percent(walk.accuracy(step))} right,\n{area} of the area flipped"
        )
        after(axes, walk, step, 0.6)
    for axes in every[count:]:
        axes.set_visible(False)
    return figure


def curve(walk: Walk) -> Figure:
    """Flipped area and accuracy against the steps, for victim and control."""
    figure = Figure(figsize=(8.6, 3.2), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = np.concatenate([[0], walk.calls])
    true = walk.test_classes
    kinds = (("", VICTIM, "-D", "poison"), ("control_", CONTROL, "--o", "clean rows instead"))
    for prefix, colour, mark, who in kinds:
        shares, said = walk.arrays[f"{prefix}flipped"].sum(1), walk.arrays[f"{prefix}said"]
        accuracies = [walk.accuracy(None), *((each == true).mean() for each in said)]
        left.plot(steps, 100 * np.concatenate([[0], shares]), mark, color=colour, label=who, markersize=3)
        right.plot(steps, 100 * np.array(accuracies), mark, color=colour, label=who, markersize=3)
    left.set(xlabel=walk.unit, ylabel="area that changed\nits class, %", ylim=(0, None))
    right.set(xlabel=walk.unit, ylabel="held-out accuracy, %", ylim=(0, 102))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        style(axes)
    left.legend(frameon=False, fontsize=8)
    return figure


def film(walk: Walk, most: int = 90) -> Iterator[Array]:
    """The boundary before, and at every step (at `most` of them), as pictures (height, width, 3), uint8."""
    last = len(walk.calls) - 1
    for step in sorted({-1, *(round(each) for each in np.linspace(0, last, min(most, last + 1)))}):
        figure = Figure(figsize=(4.6, 4.9), dpi=100, layout="constrained")
        axes = figure.subplots()
        share = 0.0 if step < 0 else float(walk.flipped[step].sum())
        right = walk.accuracy(None if step < 0 else step)
        when = "before" if step < 0 else walk.after(step)
        plane(axes, walk, f"{when}: {words.percent(right)} right, {words.percent(share)} flipped")
        held_out(axes, walk, 0.8)
        line(axes, walk, walk.before, BEFORE if step >= 0 else AFTER)
        if step >= 0:
            line(axes, walk, walk.arrays["after"][step], AFTER)
            arrows(axes, walk, step)
        poison(axes, walk, 0.9)
        yield np.asarray(PIL.Image.open(BytesIO(to_png(figure))).convert("RGB"))


def pictures(run: Run) -> Iterator[Picture]:
    """For the report: panels for up to three steps, and the curve where there are steps."""
    walk = walk_of(run)
    if walk is None:
        return
    last = len(walk.calls) - 1
    steps = sorted({0, last // 3, last})
    alt = " ".join(_told(walk, step) for step in steps)
    words_ = (
        "Grey is before, black is after; hollow is class 1, filled class 0; stars are poison, with their label's fill."
    )
    yield Picture("boundary", to_png(panels(walk, steps)), alt, f"{words_} First repeat.")
    if len(walk.calls) > 1:
        yield Picture("boundary_curve", to_png(curve(walk)), _curve_told(walk), f"{_curve_told(walk)} First repeat.")


def _told(walk: Walk, step: int) -> str:
    wrong, right = (len(each) for each in walk.turned(step))
    area = words.percent(float(walk.flipped[step].sum()))
    return (
        f"{walk.after(step).capitalize()}, {area} of the square has changed its class, and {wrong} held-out "
        f"point{'' if wrong == 1 else 's'} turned wrong, {right} right: accuracy {words.percent(walk.accuracy(step))}."
    )


def _curve_told(walk: Walk) -> str:
    start, end = (words.percent(walk.accuracy(step)) for step in (None, -1))
    area, theirs = (words.percent(float(walk.arrays[f"{who}flipped"][-1].sum())) for who in ("", "control_"))
    said = f"In the end {area} of the square has changed its class ({theirs} for the control), and accuracy went from"
    return f"{said} {start} to {end}."


def _square(walk: Walk, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 5.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    plane(axes, walk, title)
    return figure, axes


def _legend(axes: Axes, *names: str) -> None:
    known = {
        "class 0": Line2D([], [], linestyle="", color=INK, **MARK),
        "class 1": Line2D([], [], linestyle="", markerfacecolor="white", markeredgecolor=INK, **MARK),
        "poison": Line2D([], [], linestyle="", marker="*", markersize=11, markerfacecolor="white", markeredgecolor=INK),
        "boundary": Line2D([], [], color=AFTER, linewidth=2),
        "before": Line2D([], [], color=BEFORE, linewidth=2),
        "after": Line2D([], [], color=AFTER, linewidth=2),
    }
    axes.legend([known[name] for name in names], names, fontsize=7, loc="lower right", framealpha=0.9)
