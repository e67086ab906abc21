"""The units that answer to a trigger, and what becomes of a network without them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from antivenom.analysis._layers import in_batches, with_layers
from antivenom.analysis._scene import Learned, Scene, Study
from antivenom.data import Dataset
from antivenom.errors import CapabilityError
from antivenom.goals.backdoor import Backdoor
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_WIDE_BATCH
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@component
class Neurons:
    """The units that answer to a trigger, and what becomes of victim and control as they are silenced one by one.

    Figures: `silenced_units`, the share of the layer's units that must be silenced, the most changed first, until the
    attack succeeds half as often as before, and `accuracy_without_them`; null where that never happens, or where the
    attack has no trigger. See `neurons`.

    Args:
        layer: a layer whose units can be silenced; the last convolution if null, or, without one, the last layer but
            the output.
        steps: how many counts of silenced units are measured, from none to all.

    >>> Neurons().steps
    12
    """

    layer: str | None = None
    steps: AtLeastOne = 12

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        yield from silencing_problems(classifier, self.layer)

    def begin(self, scene: Scene, rng: Rng) -> Study:  # noqa: ARG002
        """Nothing is looked at meanwhile: it is about rows with the trigger."""
        return Study(lambda: self._finish(scene))

    def _finish(self, scene: Scene) -> Learned:
        goal = scene.poisoned.goal
        if not isinstance(goal, Backdoor) or not len(goal.attacked(scene.test)):
            return Learned({"silenced_units": None, "accuracy_without_them": None})
        layer = self.layer or silenced_by_default(scene.victim)
        found = [neurons(one, goal, scene.test, layer=layer, steps=self.steps) for one in scene.both.values()]
        victim = found[0]
        gone = victim.attack_success_rate <= victim.attack_success_rate[0] / 2
        place = int(gone.int().argmax()) if bool(gone.any()) else None
        values = {
            "silenced_units": None if place is None else int(victim.silenced[place]) / len(victim.order),
            "accuracy_without_them": None if place is None else float(victim.clean_accuracy[place]),
        }
        arrays = {
            "layer": np.array(layer),
            "silenced": victim.silenced,
            "change": torch.stack([one.change for one in found]),
            "accuracy": torch.stack([one.clean_accuracy for one in found]),
            "success": torch.stack([one.attack_success_rate for one in found]),
        }
        return Learned(values, arrays)


def silencing_problems(classifier: Classifier, layer: str | None) -> Iterator[str]:
    """Why no units of a layer, or of the one by default, can be silenced."""
    try:
        classifier.silence(layer or silenced_by_default(classifier), torch.tensor([0]))
    except CapabilityError as error:
        yield str(error)


def silenced_by_default(classifier: Classifier) -> str:
    """The last convolution; without one, the last linear layer but the output.

    Raises:
        CapabilityError: it has no hidden layer.
    """
    module = with_layers(classifier).module
    layers = list(module.named_modules())
    convolutions = [name for name, layer in layers if isinstance(layer, CONVOLUTIONS)]
    hidden = [name for name, layer in layers if isinstance(layer, nn.Linear)][:-1]
    if not convolutions and not hidden:
        raise CapabilityError("The network has no hidden layer whose units could be silenced. Name one.")
    return str((convolutions or hidden)[-1])


@dataclass(frozen=True, eq=False)
class Silencing:
    """The units of a layer by how much a trigger changes them, and figures while they are silenced, worst first.

    Attributes:
        layer: its name.
        change: trigger-activated change: the mean absolute difference of a unit's activation between triggered rows
            and the same rows without (units).
        order: the units, the most changed first (units).
        silenced: how many of them are silenced (k), from 0.
        clean_accuracy: on clean rows, with so many silenced (k).
        attack_success_rate: likewise (k).
    """

    layer: str
    change: Tensor
    order: Tensor
    silenced: Tensor
    clean_accuracy: Tensor
    attack_success_rate: Tensor


def neurons(classifier: Classifier, goal: Backdoor, test: Dataset, *, layer: str, steps: int = 12) -> Silencing:
    """Rank a layer's units by what a trigger does to them, and silence them one after the other.

    Zheng, Tang, Li and Liu, *Data-free backdoor removal based on channel Lipschitzness* (2022), for the ranking.

    Args:
        classifier: the network.
        goal: the backdoor, with its trigger.
        test: clean rows.
        layer: a linear, convolution or normalisation layer; a convolution's unit is a channel.
        steps: how many counts of silenced units are measured, from none to all.

    Raises:
        CapabilityError: there is no such layer, or its units cannot be silenced.
    """
    with_layers(classifier)
    attacked = goal.attacked(test)
    triggered = goal.triggered(attacked)
    total: Tensor | None = None
    pairs = zip(
        in_batches(classifier, attacked, (layer,), ROWS_PER_WIDE_BATCH),
        in_batches(classifier, triggered, (layer,), ROWS_PER_WIDE_BATCH),
        strict=True,
    )
    for (_, before), (_, after) in pairs:
        change = (after[layer] - before[layer]).abs().flatten(2).mean(2) if before[layer].ndim > 2 else None
        change = (after[layer] - before[layer]).abs() if change is None else change
        total = change.sum(0) if total is None else total + change.sum(0)
    assert total is not None
    change = total / len(attacked)
    order = change.argsort(descending=True)
    counts = torch.linspace(0, len(order), min(steps, len(order) + 1)).round().long().unique()
    clean, success = [], []
    for count in counts.tolist():
        without = classifier.silence(layer, order[:count]) if count else classifier
        clean.append(accuracy(without, test))
        success.append(goal.success(without, test) or 0.0)
    both = (torch.tensor(values, dtype=torch.float64) for values in (clean, success))
    return Silencing(layer, change, order, counts, *both)
