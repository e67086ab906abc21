"""The units that answer to a trigger, and what becomes of a network without them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bezoar.analysis._layers import in_batches, with_layers
from bezoar.data import Dataset
from bezoar.goals.backdoor import Backdoor
from bezoar.metrics import accuracy
from bezoar.models import Classifier

BATCH = 1024


@dataclass(frozen=True, eq=False)
class Neurons:
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


def neurons(classifier: Classifier, goal: Backdoor, test: Dataset, *, layer: str, steps: int = 12) -> Neurons:
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
    attacked = goal.victims(test)
    triggered = goal.triggered(attacked)
    total: Tensor | None = None
    pairs = zip(
        in_batches(classifier, attacked, (layer,), BATCH),
        in_batches(classifier, triggered, (layer,), BATCH),
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
    return Neurons(layer, change, order, counts, *both)
