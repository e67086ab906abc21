"""Charts of the models over all repeats, and of the training path in the first repeat."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.charts import (
    Axis,
    Bars,
    BarSeries,
    Chart,
    Evidence,
    Figure,
    Heatmap,
    Lines,
    Panels,
    Series,
    column,
    worded,
)
from antivenom.charts.parts import Role
from antivenom.data import Dataset, Goal
from antivenom.goals import success_of
from antivenom.metrics import accuracy
from antivenom.models import Checkpoint
from antivenom.runner.scoring.metrics import Metrics

PATH_ROWS = 2000
"""The largest number of test rows on which accuracy during the training is measured."""
ROLES: tuple[Role, Role] = ("victim", "control")

Losses = Sequence[tuple[tuple[float, ...], tuple[float, ...]]]


def summary_charts(
    metrics: Metrics, confusions: Sequence[NDArray[np.int64]], losses: Losses, classes: tuple[str, ...]
) -> Evidence:
    """Return charts of accuracy by class, confusion and training loss, over all repeats.

    Args:
        metrics: the metrics, in the form of `metrics.json`.
        confusions: the confusion matrices of each repeat (1 or 2, classes, classes), the victim's first.
        losses: the losses of each repeat, of victim and control, by epoch.
        classes: the names of the classes.
    """
    model: list[Chart] = [_by_class(metrics, classes), _confusion(confusions, metrics, classes)]
    trained = any(len(each) for repeat in losses for each in repeat)
    return Evidence.of("model", charts=model) | Evidence.of("training", charts=[_loss(losses)] if trained else [])


def path_chart(
    goal: Goal, paths: tuple[Sequence[Checkpoint], ...], test: Dataset, poison: torch.Tensor | None
) -> Chart:
    """Return a chart of clean accuracy and attack success during the training, from the checkpoints.

    Args:
        goal: the attacker's goal.
        paths: the checkpoints of victim and control.
        test: the rows to measure on.
        poison: the positions of poison in the stream (m), or None without a stream.
    """
    few = test.subset(torch.arange(min(len(test), PATH_ROWS), device=test.device))
    steps = min(map(len, paths))
    rows = column([each.rows for each in paths[0][:steps]])
    accuracies = [column([accuracy(each.classifier, few) for each in path[:steps]]) for path in paths]
    successes = [column([_or_nan(success_of(goal, each.classifier, few)) for each in path[:steps]]) for path in paths]
    ticks = column(poison) if poison is not None and len(poison) else None

    def panel(name: str, values: list[NDArray[np.float64]], label: str) -> Lines:
        series = tuple(
            Series(label=who, x=rows, y=100 * each, role=who, marks=who == "victim")
            for who, each in zip(ROLES, values, strict=True)
        )
        x, y = Axis(label="rows learned from"), Axis(label=label, low=-2, high=102)
        return Lines(name=name, x=x, y=y, series=series, ticks=ticks, tick_label="poison")

    panels = [panel("accuracy", accuracies, "clean accuracy, %")]
    if not np.isnan(successes).all():
        panels.append(panel("success", successes, "attack success, %"))
    first, last, control = (
        worded(float(each), "share") for each in (accuracies[0][0], accuracies[0][-1], accuracies[1][-1])
    )
    return Panels(
        name="along_the_way",
        charts=tuple(panels),
        caption=f"During the training, in the first repeat, on at most {PATH_ROWS:,} test rows.",
        alt=f"The victim's clean accuracy goes from {first} to {last}; the control's ends at {control}.",
    )


def _by_class(metrics: Metrics, classes: tuple[str, ...]) -> Bars:
    series = []
    for who, suffix in (("control", ".control"), ("victim", "")):
        means = [_class_accuracy(metrics, name, control=bool(suffix)) for name in classes]
        if any(mean is not None for mean in means):
            role: Role = "control" if suffix else "victim"
            values = column([math.nan if mean is None else 100 * mean for mean in means])
            series.append(BarSeries(label=who, values=values, role=role))
    known = [(_class_accuracy(metrics, name), name) for name in classes]
    worst = min(((mean, name) for mean, name in known if mean is not None), default=None)
    words = "" if worst is None else f" The victim is worst on {worst[1]}: {worded(worst[0], 'share')}."
    return Bars(
        name="accuracy_by_class",
        categories=classes,
        series=tuple(series),
        value=Axis(label="accuracy, % (the axis need not start at 0)", high=101),
        horizontal=True,
        caption="The accuracy on each class, as the mean over the repeats.",
        alt=f"Accuracy on each class.{words}",
    )


def _class_accuracy(metrics: Metrics, name: str, *, control: bool = False) -> float | None:
    key = Figure(name="class_accuracy", value=None, subject=name, control=control).key
    mean: float | None = metrics[f"model.{key}"]["mean"]
    return mean


def _confusion(confusions: Sequence[NDArray[np.int64]], metrics: Metrics, classes: tuple[str, ...]) -> Chart:
    counts = np.sum(confusions, axis=0, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(2, keepdims=True), 1)
    maps = tuple(
        Heatmap(
            name=who or "model",
            title=who,
            values=matrix,
            rows=classes,
            columns=classes,
            row_label="true class",
            column_label="predicted",
            value_label="share of the true class",
            low=0,
            high=1,
        )
        for matrix, who in zip(shares, ROLES, strict=False)
    )
    right = [worded(metrics[f"model.clean_accuracy{suffix}"]["mean"], "share") for suffix in ("", ".control")]
    return Panels(
        name="confusion",
        charts=maps,
        across=2,
        caption="Predicted classes of each true class (row), in percent of its clean test rows, over all repeats.",
        alt=f"Confusion matrices: the victim classifies {right[0]} of the test rows correctly, the control {right[1]}.",
    )


def _loss(losses: Losses) -> Lines:
    def series() -> Iterator[Series]:
        for side, who in enumerate(ROLES):
            curves = [column(each[side]) for each in losses]
            longest = max(map(len, curves))
            padded = np.stack([np.pad(each, (0, longest - len(each)), constant_values=np.nan) for each in curves])
            epochs = column(range(1, longest + 1))
            if len(curves) > 1:
                for each in padded:
                    yield Series(x=epochs, y=each, role=who, faint=True)
            known = ~np.isnan(padded).any(0)
            yield Series(label=who, x=epochs[known], y=padded[:, known].mean(0), role=who)

    last = [worded(each[-1] if each and math.isfinite(each[-1]) else None, "none") for each in losses[0]]
    return Lines(
        name="losses",
        x=Axis(label="epoch", whole=True),
        y=Axis(label="mean training loss", low=0),
        series=tuple(series()),
        caption="Mean training loss by epoch" + (". Thin: repeats. Thick: their mean." if len(losses) > 1 else "."),
        alt=f"Training loss by epoch. In the first repeat it ends at {last[0]} (victim) and {last[1]} (control).",
    )


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
