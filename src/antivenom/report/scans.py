"""What scans recovered, drawn: each class's trigger, and its norm against the others'."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from antivenom.report import words
from antivenom.report.drawing import (
    CONTROL,
    INK,
    VICTIM,
    Picture,
    as_pixels,
    mosaic,
    opaque,
    short,
    style,
    to_png,
)
from antivenom.report.run import Run

SHOWN = 20
"""So many classes' triggers, at most, are shown: those with the smallest p-values."""


def scanned(run: Run) -> list[Picture]:
    """The pictures of every scan."""
    names = [str(name) for name in run.arrays.get("scan_names", ())]
    return [picture for name in names for picture in (_norms(run, name), *_triggers(run, name))]


def _norms(run: Run, name: str) -> Picture:
    """The norm of every class's mask, and where it would be flagged."""
    l1, threshold, flagged = (run.arrays[f"scan_{name}_{part}"] for part in ("l1", "threshold", "flagged"))
    classes = [short(label) for label in run.classes]
    figure = Figure(figsize=(max(5.2, 0.36 * len(classes) + 1.2), 3.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(classes))
    for side, (colour, mark, who, shift) in enumerate(
        ((VICTIM, "D", "victim", -0.15), (CONTROL, "o", "control", 0.15))
    ):
        axes.plot(places + shift, l1[side], mark, color=colour, label=who)
        axes.plot(places + shift, threshold[side], "_", color=colour, markersize=9, alpha=0.8)
        hit = flagged[side].astype(bool)
        axes.plot((places + shift)[hit], l1[side][hit], "o", markersize=14, markerfacecolor="none", color=INK)
    axes.set(xlabel="class", ylabel="L1 norm of the recovered mask", yscale="log")
    axes.set_xticks(places, classes, rotation=0 if max(map(len, classes)) < 3 else 60)
    axes.legend(frameon=False, fontsize=8)
    style(axes)
    figures = {part: run.mean(f"defence.{name}.{part}") for part in ("flagged", "right", "false_alarm", "inside")}
    said = f"{name}: flags the victim in {words.percent(figures['flagged'])} of the repeats, the control in "
    said += words.percent(figures["false_alarm"])
    if figures["right"] is not None:
        said += f"; the target and nothing else in {words.percent(figures['right'])}, "
        said += f"{words.percent(figures['inside'])} of its mask on the trigger"
    caption = f"{said}. First repeat: bars are where a class would be flagged, rings are flags."
    return Picture(f"{name}_norms", to_png(figure), said, caption)


def _triggers(run: Run, name: str) -> Iterator[Picture]:
    """The trigger recovered for each class, on grey."""
    masks, patterns = (run.arrays[f"scan_{name}_{part}"].astype(float) for part in ("masks", "patterns"))
    if patterns.ndim != 5:
        return
    order = np.argsort(np.nan_to_num(run.arrays[f"scan_{name}_p_value"][0], nan=1.0), kind="stable")[:SHOWN]
    p_value = run.arrays[f"scan_{name}_p_value"]
    shown = np.clip((1 - masks) * 0.5 + masks * patterns, 0, 1)
    tiles = [[opaque(as_pixels(side[index])) for index in order] for side in shown]
    figure = mosaic(tiles, ["victim", "control"], size=0.75)
    axes, width = figure.axes[0], tiles[0][0].shape[1] + 2
    labels = [
        f"{short(run.classes[index], 8)}\np {words.number(p_value[0, index])}\n{words.number(p_value[1, index])}"
        for index in order
    ]
    axes.set_xticks([width * (place + 0.5) - 0.5 for place in range(len(order))], labels, fontsize=6)
    alt = f"Recovered triggers of {len(order)} classes by {name}, the most suspicious first."
    text = f"{alt} Below, each class with its p-value for the victim, then for the control; grey is untouched."
    yield Picture(f"{name}_triggers", to_png(figure), alt, text)
