"""Saliency: the pixels that decide about the predicted class."""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult, NoLayers
from antivenom.analysis._attribution import (
    gradient_saliency,
    guided_backpropagation,
    integrated_gradients,
    relu_layers,
)
from antivenom.analysis._context import AnalysisContext
from antivenom.charts import Figure, Images, Tile, pair, worded
from antivenom.data import Dataset
from antivenom.goals import TriggeredGoal, attacked_rows, triggered_rows
from antivenom.models import Classifier, predictions
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Inputs, Labels

__all__ = ["Saliency", "gradient_saliency", "guided_backpropagation", "integrated_gradients"]

METHODS: Final = ("gradient", "guided", "integrated")
MEASURED_ROWS: Final = 64
"""The largest number of rows on which saliency is measured."""


@component
class Saliency:
    """Measure how much each pixel contributes to the predicted class, for victim and control, by three methods.

    The methods are the gradient, guided backpropagation and integrated gradients. The rows are test rows with the
    trigger. If the goal has no trigger, they are test rows that the victim misclassifies and the control classifies
    correctly. The explained class is the class that the victim predicts. If there is a trigger, the figure
    `trigger_share` is, for each method of victim and control, the share of the saliency on the trigger's pixels. If the
    network has no ReLU layers, guided backpropagation is omitted and its figure is null.

    Args:
        rows: the largest number of rows in the chart.
        steps: the number of steps of integrated gradients.

    >>> Saliency().rows
    6
    """

    rows: AtLeastOne = 6
    steps: AtLeastOne = 50

    needs = frozenset({"gradients"})

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:  # noqa: ARG002
        """Return an observer without layers: only the gradients of a few rows are used."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        before, rows = _rows_to_explain(context)
        predicted, inputs = predictions(context.victim, rows), rows.inputs()
        maps = [[self._map(method, network, inputs, predicted) for method in METHODS] for network in context.networks]
        figures: list[Figure] = []
        if isinstance(context.poisoned.goal, TriggeredGoal):
            changed = (rows.x != before.x).flatten(1)
            shares = [[None if one is None else _share(one, changed) for one in each] for each in maps]
            for method, victim, control in zip(METHODS, *shares, strict=True):
                figures += pair("trigger_share", victim, control, better="low", subject=method)
        absent = torch.full_like(inputs, torch.nan)
        shown = torch.stack([torch.stack([absent if one is None else one.detach() for one in each]) for each in maps])[
            :, :, : self.rows
        ]
        data = {
            "rows": rows.x[: self.rows],
            "maps": shown,
            "predicted": predicted[: self.rows],
            "methods": np.array(METHODS),
        }
        pictures = rows.x[: self.rows].cpu().numpy()
        drawn = pictures.ndim == 4 and len(pictures) > 0
        charts = (_chart(pictures, shown.cpu().numpy(), tuple(figures)),) if drawn else ()
        return AnalysisResult(figures=tuple(figures), charts=charts, data=data)

    def _map(self, method: str, network: Classifier, x: Inputs, y: Labels) -> Tensor | None:
        if method == "gradient":
            return gradient_saliency(network, x, y)
        if method == "integrated":
            return integrated_gradients(network, x, y, steps=self.steps)
        return guided_backpropagation(network, x, y) if relu_layers(network) else None


def _rows_to_explain(context: AnalysisContext) -> tuple[Dataset, Dataset]:
    """Return the rows to explain, without and with the trigger; the same rows twice if the goal has no trigger."""
    goal, test = context.poisoned.goal, context.test
    if isinstance(goal, TriggeredGoal):
        attacked = attacked_rows(goal, test)
        few = attacked.subset(torch.arange(min(len(attacked), MEASURED_ROWS), device=attacked.device))
        return few, triggered_rows(goal, few)
    wrong = (predictions(context.victim, test) != test.y) & (predictions(context.control, test) == test.y)
    rows = test.subset(torch.nonzero(wrong).flatten()[:MEASURED_ROWS])
    return rows, rows


def _share(saliency: Tensor, chosen: Tensor) -> float | None:
    """Return the mean over rows of the share of absolute saliency on the chosen pixels, or None without saliency."""
    size = saliency.abs().flatten(1)
    total = size.sum(1)
    some = total > 0
    return float(((size * chosen.to(size)).sum(1)[some] / total[some]).mean()) if bool(some.any()) else None


def _chart(rows: NDArray[np.generic], maps: NDArray[np.floating], figures: tuple[Figure, ...]) -> Images:
    """Return a chart of the rows (n, channels, height, width), and of the maps of each method and network."""
    lines = [tuple(Tile(pixels=row, alt="test row") for row in rows)]
    labels = ["test row"]
    for place, method in enumerate(METHODS):
        for side, role in enumerate(("victim", "control")):
            if not np.isnan(maps[side, place]).all():
                labels.append(f"{method}\n{role}")
                lines.append(tuple(_tile(one, f"{method} of the {role}") for one in maps[side, place]))
    shares = {(each.subject, each.control): worded(each.value, each.unit) for each in figures if each.value is not None}
    result = "; ".join(
        f"{method}: {share} on the trigger, {shares[method, True]} for the control"
        for (method, control), share in shares.items()
        if not control and (method, True) in shares
    )
    result += "." * bool(result)
    alt = f"Saliency of {len(rows)} rows for the class that the victim predicts. {result}".strip()
    caption = f"The contribution of each pixel to the predicted class. Each map has its own scale. {result}".strip()
    return Images(name="maps", caption=caption, alt=alt, rows=tuple(lines), row_labels=tuple(labels))


def _tile(saliency: NDArray[np.floating], alt: str) -> Tile:
    size = np.abs(saliency).sum(0, keepdims=True)
    return Tile(pixels=size, alt=alt, colours="heat", low=0.0, high=float(size.max()))
