"""Charts of a decision boundary in the plane, before in grey and after in black."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from antivenom.analysis.walk import Array, Walk
from antivenom.charts import Axis, Field, Lines, Panels, Points, Scatter, Series, worded

LEGEND = (
    "The boundary before is grey, after is black. Filled points are class {}, hollow points class {}. Stars are "
    "poison, filled or hollow by their label. An arrow points to a held-out point that became wrong."
)


def walk_chart(walk: Walk, steps: Sequence[int]) -> Panels:
    """Return a chart of the classifier's scores before, and one panel for each step."""
    panels = [plane_chart(walk, None, title=f"before: {_correct(walk, None)}", colours=True, poison=True, size=0.6)]
    for step in steps:
        title = f"{walk.when(step)}: {_correct(walk, step)},\n{worded(walk.changed(step), 'share')} of the area flipped"
        panels.append(plane_chart(walk, step, title=title, poison=True, size=0.6))
    alt = " ".join(walk.described(step) for step in steps)
    return Panels(
        name="walk",
        caption=f"{LEGEND.format(*walk.classes)} {alt}",
        alt=alt,
        charts=tuple(panels),
        across=min(len(panels), 4),
    )


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
    """Return a chart of the boundary in the plane, with the held-out points.

    Args:
        walk: the boundary.
        step: the step to show together with the boundary before. None shows only the boundary before.
        title: the title of the chart.
        colours: show the classifier's scores before as colours.
        scale: show a colour scale beside the chart.
        poison: show the attacker's points.
        legend: show the names of points and lines.
        size: the size of the points, as a factor of the usual size.
    """
    fields = [_field(walk, walk.before, "after" if step is None else "before", step is not None)]
    if colours:
        fields.append(_colours(walk, scale))
    if step is not None:
        fields.append(_field(walk, walk.after[step], "after", True))
    return Scatter(
        title=title,
        alt="" if step is None else walk.described(step),
        groups=(*_test_points(walk, size), *(_poison(walk, size) if poison else ())),
        x=_axis(walk, 0),
        y=_axis(walk, 1),
        fields=tuple(fields),
        arrows=None if step is None else _arrows(walk, step),
        equal=not walk.scaled,
        legend=legend,
    )


def curve_chart(walk: Walk) -> Panels:
    """Return a chart of changed area and accuracy over the steps, for victim and control."""
    steps = np.concatenate([[0], walk.steps])
    x = Axis(label=walk.step_unit, whole=True)
    areas, accuracies = [], []
    for role, flipped, predicted in (
        ("victim", walk.flipped, walk.predicted),
        ("control", walk.control_flipped, walk.control_predicted),
    ):
        if flipped is None or predicted is None:
            continue
        accuracy = (predicted == walk.test_classes).mean(1)
        areas.append(_series(role, steps, np.concatenate([[0.0], flipped.sum(1)])))
        accuracies.append(_series(role, steps, np.concatenate([[walk.accuracy(None)], accuracy])))
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


def _correct(walk: Walk, step: int | None) -> str:
    return f"{worded(walk.accuracy(step), 'share')} correct"


def _axis(walk: Walk, number: int) -> Axis:
    low, high = walk.shown_ends()[:, number]
    return Axis(label=walk.columns[number], low=float(low), high=float(high), whole=not walk.scaled)


def _ticks(walk: Walk) -> tuple[Array, Array]:
    """Return the coordinates of the field's columns and rows in the units of the chart."""
    x, y = walk.shown(np.stack([walk.ticks, walk.ticks], 1)).T
    return x, y


def _field(walk: Walk, margins: Array, shade: Literal["before", "after"], named: bool) -> Field:
    """Return the boundary as a line where the margin is 0; no line if the whole square has one class."""
    x, y = _ticks(walk)
    return Field(
        x=x,
        y=y,
        values=margins,
        contour=0.0 if margins.min() < 0 < margins.max() else None,
        contour_label=shade if named else "boundary",
        shade=shade,
    )


def _colours(walk: Walk, scale: bool) -> Field:
    """Return the classifier's scores before as colours: probabilities, or its decision function if it has none."""
    most = max(float(np.abs(walk.before).max()), 1e-9)
    x, y = _ticks(walk)
    return Field(
        x=x,
        y=y,
        values=walk.before + (0.5 if walk.probable else 0.0),
        levels=np.linspace(0, 1, 11) if walk.probable else np.linspace(-most, most, 13),
        label=walk.score if scale else "",
    )


def _test_points(walk: Walk, size: float) -> tuple[Points, Points]:
    """Return the held-out points: filled for class 0, hollow for class 1."""
    filled, hollow = (walk.shown(walk.test[walk.test_classes == label]) for label in (0, 1))
    return (
        Points(label=f"class {walk.classes[0]}", xy=filled, mark="circle", colour="ink", size=size),
        Points(
            label=f"class {walk.classes[1]}",
            xy=hollow,
            mark="circle",
            colour="ink",
            size=size,
            filled=False,
            outlined=True,
        ),
    )


def _poison(walk: Walk, size: float) -> list[Points]:
    """Return stars for poison, filled or hollow by label, crosses for dropped points, and the attacker's aim."""
    groups: list[Points] = []
    for label in (0, 1):
        points = walk.shown(walk.poison[walk.poison_classes == label])
        if len(points):
            groups.append(
                Points(
                    label="" if groups else "poison",
                    xy=points,
                    mark="star",
                    colour="ink",
                    size=size,
                    filled=label == 0,
                    outlined=label == 1,
                )
            )
    if walk.dropped is not None and len(walk.dropped):
        groups.append(Points(label="dropped", xy=walk.shown(walk.dropped), mark="cross", colour="red", size=1.8 * size))
    if walk.aim is not None:
        for mark in ("ring", "plus"):
            text = "aim" if mark == "ring" else ""
            groups.append(Points(label=text, xy=walk.shown(walk.aim[None]), mark=mark, colour="blue", size=size))
    return groups


def _arrows(walk: Walk, step: int) -> Array | None:
    """Return an arrow to each held-out point that became wrong (n, 4), from the direction of the square's middle."""
    wrong = walk.test[walk.turned(step)[0]]
    if not len(wrong):
        return None
    length, middle = 0.11 * (walk.square.high - walk.square.low), (walk.square.low + walk.square.high) / 2
    towards = np.where(wrong < middle, length, -length)
    return np.concatenate([walk.shown(wrong + towards), walk.shown(wrong + 0.18 * towards)], 1)


def _series(role: str, steps: Array, shares: Array) -> Series:
    victim = role == "victim"
    label = "victim" if victim else "control"
    return Series(label=label, x=steps, y=100 * shares, role="victim" if victim else "control", marks=True)


def _end(walk: Walk) -> str:
    start, end, area = (worded(value, "share") for value in (walk.accuracy(None), walk.accuracy(-1), walk.changed(-1)))
    control = ""
    if walk.control_flipped is not None:
        control = f" ({worded(float(walk.control_flipped[-1].sum()), 'share')} for the control)"
    return f"At the end, {area} of the square has changed its class{control}. Accuracy changed from {start} to {end}."
