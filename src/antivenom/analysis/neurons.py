"""Neurons: the units that respond to a trigger, and the effect of silencing them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from antivenom.analysis._analysis import AnalysisResult, NoLayers
from antivenom.analysis._context import AnalysisContext
from antivenom.analysis.layers import in_batches, with_layers
from antivenom.charts import Axis, Figure, Lines, Panels, Series, worded
from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.goals import TriggeredGoal, attacked_rows, success_of, triggered_rows
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.models.silencing import default_silenced_layer, silencing_problems
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import ShortRepr

BATCH_ROWS: Final = 1024


@component
class Neurons:
    """Find the units that respond to a trigger, and measure victim and control while these units are silenced.

    Figures: `silenced_units` is the share of the layer's units that must be silenced, the most changed units first,
    until the attack succeeds half as often as before. `accuracy_when_silenced` is the clean accuracy at that point.
    Both are null if that never happens, or if the attack has no trigger. See `neurons`.

    Args:
        layer: the name of a layer whose units can be silenced. If null, the last convolution, or the last layer before
            the output in networks without convolutions.
        steps: the number of measurements between no silenced unit and all units silenced.

    >>> Neurons().steps
    12
    """

    layer: str | None = None
    steps: AtLeastOne = 12

    needs = frozenset({"features"})

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        yield from silencing_problems(classifier, self.layer)

    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:  # noqa: ARG002
        """Return an observer without layers: only rows with the trigger are used."""
        return NoLayers(lambda: self._finish(context))

    def _finish(self, context: AnalysisContext) -> AnalysisResult:
        goal = context.poisoned.goal
        if not isinstance(goal, TriggeredGoal) or not len(attacked_rows(goal, context.test)):
            return AnalysisResult(figures=_figures(None, None))
        layer = self.layer or default_silenced_layer(context.victim)
        victim, control = (neurons(one, goal, context.test, layer=layer, steps=self.steps) for one in context.networks)
        place = victim.halved_at()
        share = None if place is None else int(victim.silenced[place]) / len(victim.order)
        clean = None if place is None else float(victim.clean_accuracy[place])
        data = {
            "layer": np.array(layer),
            "silenced": victim.silenced,
            "change": torch.stack([victim.change, control.change]),
            "accuracy": torch.stack([victim.clean_accuracy, control.clean_accuracy]),
            "success": torch.stack([victim.attack_success_rate, control.attack_success_rate]),
        }
        figures, chart = _figures(share, clean), _chart(victim, control, share, clean)
        return AnalysisResult(figures=figures, charts=(chart,), data=data)


@dataclass(frozen=True, eq=False, repr=False)
class Silencing(ShortRepr):
    """The change of a layer's units by a trigger, and the performance of the network while they are silenced.

    Attributes:
        layer: the name of the layer.
        change: the trigger-activated change: the mean absolute difference of each unit's activation between rows with
            and without the trigger (units).
        order: the indices of the units, the most changed first (units).
        silenced: the number of silenced units in each measurement (k), starting at 0.
        clean_accuracy: the accuracy on clean rows in each measurement (k), in [0, 1].
        attack_success_rate: the attack success rate in each measurement (k), in [0, 1].
    """

    layer: str
    change: Tensor
    order: Tensor
    silenced: Tensor
    clean_accuracy: Tensor
    attack_success_rate: Tensor

    def halved_at(self) -> int | None:
        """Return the index of the first measurement with at most half of the first success rate, or None."""
        halved = self.attack_success_rate <= self.attack_success_rate[0] / 2
        return int(halved.int().argmax()) if bool(halved.any()) else None


def neurons(classifier: Classifier, goal: TriggeredGoal, test: Dataset, *, layer: str, steps: int = 12) -> Silencing:
    """Rank a layer's units by the change that a trigger causes, and measure the network with more and more silenced.

    The ranking is from Zheng, Tang, Li and Liu, *Data-free backdoor removal based on channel Lipschitzness* (2022).

    Args:
        classifier: the network.
        goal: the attacker's goal, with a trigger.
        test: clean rows with their true labels.
        layer: the name of a linear, convolution or normalisation layer. The units of a convolution are its channels.
        steps: the number of measurements between no silenced unit and all units silenced.

    Raises:
        CapabilityError: the layer does not exist, or its units cannot be silenced.
        DataError: the goal does not attack any of the rows.
    """
    with_layers(classifier)
    if not len(attacked_rows(goal, test)):
        raise DataError(
            f"neurons() requires rows that the goal attacks; got {len(test)} rows, and the goal attacks none of them. "
            "Pass rows of other classes than the target."
        )
    change = _change(classifier, goal, test, layer)
    order = change.argsort(descending=True)
    counts = torch.linspace(0, len(order), min(steps, len(order) + 1)).round().long().unique()
    clean, success = [], []
    for count in counts.tolist():
        silenced = classifier.silence(layer, order[:count]) if count else classifier
        clean.append(accuracy(silenced, test))
        success.append(success_of(goal, silenced, test) or 0.0)
    rates = (torch.tensor(values, dtype=torch.float64) for values in (clean, success))
    return Silencing(layer, change, order, counts, *rates)


def _change(classifier: Classifier, goal: TriggeredGoal, test: Dataset, layer: str) -> Tensor:
    """Return the mean change of each unit by the trigger (units), over attacked rows and the positions of a channel."""
    attacked = attacked_rows(goal, test)
    total: Tensor | float = 0.0
    batches = zip(
        in_batches(classifier, attacked, (layer,), BATCH_ROWS),
        in_batches(classifier, triggered_rows(goal, attacked), (layer,), BATCH_ROWS),
        strict=True,
    )
    for (_, before), (_, after) in batches:
        change = (after[layer] - before[layer]).abs()
        total = total + (change.flatten(2).mean(2) if change.ndim > 2 else change).sum(0)
    return torch.as_tensor(total) / len(attacked)


def _figures(share: float | None, clean: float | None) -> tuple[Figure, Figure]:
    return (
        Figure(name="silenced_units", value=share),
        Figure(name="accuracy_when_silenced", value=clean, better="high"),
    )


def _chart(victim: Silencing, control: Silencing, share: float | None, clean: float | None) -> Panels:
    x, rates = Axis(label=f"silenced units of {victim.layer}", whole=True), Axis(label="%", low=-2, high=102)
    units = np.arange(1, len(victim.order) + 1)
    changes = [np.sort(each.change.cpu().numpy())[::-1] for each in (victim, control)]
    accuracies = [100 * each.clean_accuracy.numpy() for each in (victim, control)]
    successes = [100 * each.attack_success_rate.numpy() for each in (victim, control)]
    silenced = victim.silenced.numpy()
    panels = (
        Lines(
            title="change caused by the trigger",
            x=Axis(label="units, the most changed first", scale="log"),
            y=Axis(label="mean absolute change"),
            series=_both(units, changes),
        ),
        Lines(title="attack success", x=x, y=rates, series=_both(silenced, successes)),
        Lines(title="clean accuracy", x=x, y=rates, series=_both(silenced, accuracies)),
    )
    result = "silencing units never halves the attack success rate"
    if share is not None:
        result = f"with {worded(share, 'share')} of the units silenced, the attack succeeds half as often, and clean "
        result += f"accuracy is {worded(clean, 'share')}"
    return Panels(
        name="silencing",
        caption=f"Units of {victim.layer}, ranked by their change by the trigger: {result}.",
        alt=f"Units of {victim.layer}: {result}.",
        charts=panels,
        across=3,
    )


def _both(x: np.ndarray, values: list[np.ndarray]) -> tuple[Series, Series]:
    victim, control = values
    return (
        Series(label="victim", x=x, y=victim, role="victim", marks=True),
        Series(label="control", x=x, y=control, role="control", marks=True),
    )
