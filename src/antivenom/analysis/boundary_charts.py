"""Charts of a decision boundary in the plane: grey is before, black is after."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from antivenom.analysis.walk import Array, Walk
from antivenom.charts import Axis, Field, Lines, Panels, Points, Scatter, Series, worded

LEGEND = (
    "Grey is the boundary before, black after; hollow is class 1, filled class 0; stars are poison, with the fill of "
    "their label; an arrow points to a held-out point that turned wrong."
)


def walk_chart(walk: Walk, steps: Sequence[int]) -> Panels:
    """The classifier's scores before, and a panel for each step, side by side."""
    panels = [plane_chart(walk, None, title=f"before: {_right(walk, None)}", colours=True, poison=True, size=0.6)]
    for step in steps:
        title = f"{walk.when(step)}: {_right(walk, step)},\n{worded(walk.changed(step), 'share')} of the area flipped"
        panels.append(plane_chart(walk, step, title=title, poison=True, size=0.6))
    alt = " ".join(walk.described(step) for step in steps)
    return Panels(name="walk", caption=f"{LEGEND} {alt}", alt=alt, charts=tuple(panels), across=min(len(panels), 4))


def plane_chart(
    walk: Walk,
    step: int | None,
    *,
    title: str,
    colours: bool = False,
    scale: bool = False,
    poison: bool = False,
    legend: bool = False,
    size: float = 1.0,
) -> Scatter:
    """The boundary in the plane, with the held-out points.

    Args:
        walk: the boundary.
        step: which step; the boundary before is shown beside it. None shows the boundary before alone.
        title: above the chart.
        colours: whether the classifier's scores before are shown as colours.
        scale: whether a scale beside the chart says what the colours mean.
        poison: whether the attacker's points are shown.
        legend: whether points and lines are named.
        size: of the points, in relation to the usual size.
    """
    low, high = walk.square.low, walk.square.high
    fields = [_field(walk, walk.before, "after" if step is None else "before", step is not None)]
    if colours:
        fields.append(_colours(walk, scale))
    if step is not None:
        fields.append(_field(walk, walk.after[step], "after", True))
    return Scatter(
        title=title,
        alt="" if step is None else walk.described(step),
        groups=(*_held_out(walk, size), *(_poison(walk, size) if poison else ())),
        x=Axis(low=low, high=high, whole=True),
        y=Axis(low=low, high=high, whole=True),
        fields=tuple(fields),
        arrows=None if step is None else _arrows(walk, step),
        equal=True,
        legend=legend,
    )


def curve_chart(walk: Walk) -> Panels:
    """Changed area and accuracy over the steps, for victim and control."""
    steps = np.concatenate([[0], walk.steps])
    x = Axis(label=walk.unit, whole=True)
    areas, accuracies = [], []
    for role, flipped, predicted in (
        ("victim", walk.flipped, walk.predicted),
        ("control", walk.control_flipped, walk.control_predicted),
    ):
        if flipped is None or predicted is None:
            continue
        right = (predicted == walk.test_classes).mean(1)
        areas.append(_series(role, steps, np.concatenate([[0.0], flipped.sum(1)])))
        accuracies.append(_series(role, steps, np.concatenate([[walk.accuracy(None)], right])))
    summary = _end(walk)
    return Panels(
        name="curve",
        caption=summary,
        alt=summary,
        charts=(
            Lines(x=x, y=Axis(label="area that changed its class, %", low=0), series=tuple(areas)),
            Lines(x=x, y=Axis(label="held-out accuracy, %", low=0, high=102), series=tuple(accuracies)),
        ),
        across=2,
    )


def _right(walk: Walk, step: int | None) -> str:
    return f"{worded(walk.accuracy(step), 'share')} right"


def _field(walk: Walk, margins: Array, shade: Literal["before", "after"], named: bool) -> Field:
    """The boundary as a line, where margins are 0; no line where the square is of one class."""
    return Field(
        x=walk.ticks,
        y=walk.ticks,
        values=margins,
        contour=0.0 if margins.min() < 0 < margins.max() else None,
        contour_label=shade if named else "boundary",
        shade=shade,
    )


def _colours(walk: Walk, scale: bool) -> Field:
    """The classifier's scores before as colours: probabilities where it has some, otherwise its decision function."""
    most = max(float(np.abs(walk.before).max()), 1e-9)
    return Field(
        x=walk.ticks,
        y=walk.ticks,
        values=walk.before + (0.5 if walk.probable else 0.0),
        levels=np.linspace(0, 1, 11) if walk.probable else np.linspace(-most, most, 13),
        label="" if not scale else "P(y = 1)" if walk.probable else "decision function",
    )


def _held_out(walk: Walk, size: float) -> tuple[Points, Points]:
    """Filled is class 0, hollow is class 1."""
    filled, hollow = (walk.test[walk.test_classes == label] for label in (0, 1))
    return (
        Points(label="class 0", xy=filled, mark="circle", colour="ink", size=size),
        Points(label="class 1", xy=hollow, mark="circle", colour="ink", size=size, filled=False, outlined=True),
    )


def _poison(walk: Walk, size: float) -> list[Points]:
    """Stars, with the fill of their label; what a defence dropped; and the point that is aimed at."""
    groups: list[Points] = []
    for label in (0, 1):
        mine = walk.poison[walk.poison_classes == label]
        if len(mine):
            named = "" if groups else "poison"
            groups.append(
                Points(
                    label=named,
                    xy=mine,
                    mark="star",
                    colour="ink",
                    size=size,
                    filled=label == 0,
                    outlined=label == 1,
                )
            )
    if walk.dropped is not None and len(walk.dropped):
        groups.append(Points(label="dropped", xy=walk.dropped, mark="cross", colour="red", size=1.8 * size))
    if walk.aim is not None:
        for mark in ("ring", "plus"):
            named = "aim" if mark == "ring" else ""
            groups.append(Points(label=named, xy=walk.aim[None], mark=mark, colour="blue", size=size))
    return groups


def _arrows(walk: Walk, step: int) -> Array | None:
    """An arrow to each held-out point that turned wrong, from the side of the square's middle (n, 4)."""
    wrong = walk.test[walk.turned(step)[0]]
    if not len(wrong):
        return None
    length, middle = 0.11 * (walk.square.high - walk.square.low), (walk.square.low + walk.square.high) / 2
    towards = np.where(wrong < middle, length, -length)
    return np.concatenate([wrong + towards, wrong + 0.18 * towards], 1)


def _series(role: str, steps: Array, shares: Array) -> Series:
    victim = role == "victim"
    label = "poison" if victim else "clean rows instead"
    return Series(label=label, x=steps, y=100 * shares, role="victim" if victim else "control", marks=True)


def _end(walk: Walk) -> str:
    start, end, area = (worded(value, "share") for value in (walk.accuracy(None), walk.accuracy(-1), walk.changed(-1)))
    control = ""
    if walk.control_flipped is not None:
        control = f" ({worded(float(walk.control_flipped[-1].sum()), 'share')} for the control)"
    return f"In the end {area} of the square has changed its class{control}, and accuracy went from {start} to {end}."
