"""Printing the lesson of `antivenom boundary`: its table, its poison, and the point at which it aims."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from antivenom.terminal import Terminal, styled

NAMED = 8
"""The largest number of poison points that are printed."""


def print_lesson(console: Terminal, lesson: dict[str, Any], *, default_points: bool) -> None:
    """Print the content of `boundary.json` as a table and a few sentences.

    Args:
        console: where to print.
        lesson: the content of `boundary.json`.
        default_points: whether the poison is that of the example, because the user did not place it.
    """
    console.print(_table(lesson))
    if lesson.get("aim"):
        console.print(_aimed(lesson))
    if default_points:
        first, last = (f"({each['x']:.4g}, {each['y']:.4g})" for each in (lesson["points"][0], lesson["points"][-1]))
        label = lesson["classes"][lesson["points"][0]["label"]]
        place = f"The {len(lesson['points'])} poison points of class {label} lie on a line from {first} to {last}."
        console.print(f"{place} --points places them elsewhere.")
    if outside := sum(_outside(lesson, each) for each in lesson["points"]):
        points = "1 point lies" if outside == 1 else f"{outside} points lie"
        console.print(styled(("?", "yellow"), f" {points} outside the square that is drawn."))


def _table(lesson: dict[str, Any]) -> Table:
    table = Table(
        title="The boundary after calls of partial_fit",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    low, high = lesson["classes"]
    areas = (f"area {low} → {high}", f"area {high} → {low}")
    for name in ("calls", "held-out accuracy", *areas, "control's area", "new errors"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_row("0", f"{lesson['before']['accuracy']:.2f}", "", "", "", "")
    for each in lesson["after"]:
        shares = [f"{100 * each['flipped'][direction]:.2f} %" for direction in ("0 to 1", "1 to 0")]
        control = f"{100 * sum(each['control']['flipped'].values()):.2f} %"
        table.add_row(str(each["calls"]), f"{each['accuracy']:.2f}", *shares, control, str(len(each["turned_wrong"])))
    return table


def _aimed(lesson: dict[str, Any]) -> str:
    """Return when the prediction at the target flips, and the poison."""
    aim, points, last = lesson["aim"], lesson["points"], lesson["after"][-1]["calls"]
    at, calls = f"({aim['x']:g}, {aim['y']:g})", aim["turned_after"]
    if calls is None:
        more = sorted({*(each["calls"] for each in lesson["after"]), 4 * last})
        when = f"does not flip within {_calls(last)}. Try more: --repeats {','.join(map(str, more))}."
    else:
        when = f"flips after {_calls(calls)}."
        control = aim["turned_after.control"]
        when += "" if control is None else f" It flips for the control too, after {_calls(control)}."
    listed = "; ".join(f"({each['x']:.3g}, {each['y']:.3g})" for each in points[:NAMED])
    listed += f" and {len(points) - NAMED} more" if len(points) > NAMED else ""
    return f"The prediction at {at} {when} Poison of class {lesson['classes'][points[0]['label']]}: {listed}."


def _calls(count: int) -> str:
    return f"{count} call{'s' * (count != 1)}"


def _outside(lesson: dict[str, Any], point: dict[str, Any]) -> bool:
    return not all(lesson["shown"][axis][0] <= point[axis] <= lesson["shown"][axis][1] for axis in "xy")
