"""Pruning of the units that respond to a recovered trigger."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import Tensor
from torch.nn import functional

from antivenom.data import Dataset
from antivenom.defences import RecoveredTriggers, Verdict
from antivenom.metrics import accuracy
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.batches import batches, input_batches, rows_within
from antivenom.models.observed import logits_after, turned_units
from antivenom.models.torch_modules import as_module
from antivenom.repairs._classes import AllClasses
from antivenom.repairs._repair import highest_success, suspected_triggers, unchanged
from antivenom.repairs.layer import find_layer, layer_problems, mean_activations, no_change, rows_per_activation
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Inputs

MAX_STEPS = 64
"""The largest number of steps in which all units would be silenced."""
CLEAN_LOSS_WEIGHT = 3.0
"""The weight of clean loss, in nats, relative to the lead of the target class, in logits."""
LEAD_FLOOR = -2.0
"""The lowest lead of a target class, in logits. A class that is further behind does not count more."""


@component
class Pruning(AllClasses):
    """Silence the units that carry the recovered trigger, a few at a time, until the trigger fails.

    Wang et al., *Neural Cleanse* (2019), rank units once, by the increase of their activation by the trigger
    (`activation`). Channels that respond to the trigger and to content alike then rank high, and to silence them costs
    accuracy. `effect` ranks units by a first-order estimate of the effect of silencing each: the decrease of the
    target's lead over other classes on rows with the trigger, minus the weighted increase of the loss on clean rows. It
    ranks them again after each step. A step silences one unit; in a layer of more than 64 units, several units, so that
    there are at most 64 steps. Pruning stops if the recovered trigger fails on the clean rows, or if accuracy on them
    drops by more than the limit. In the second case, the last step is undone.

    Args:
        layer: the layer whose units are silenced. `penultimate` is the second to last linear layer, as in the paper. If
            null, the last convolution, or `penultimate` if there is none.
        rank: `effect` or `activation`.
        enough: the trigger fails if its success is at most this share.
        limit: the largest accuracy drop on the clean rows, as a share between 0 and 1.
        rows: the largest number of clean rows on which units are ranked.

    Raises:
        CapabilityError: the verdict is missing or undecided, or the layer does not exist.
    """

    needs = frozenset({"gradients", "triggers"})
    rows_per_class = 3

    layer: str | None = None
    rank: Literal["effect", "activation"] = "effect"
    enough: Annotated[float, Interval(ge=0, lt=1)] = 0.01
    limit: Annotated[float, Interval(gt=0, lt=1)] = 0.02
    rows: AtLeastOne = 1000

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        yield from layer_problems(as_module(classifier, by="Pruning"), self.layer)

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """Return a new classifier with silenced units, or an unchanged copy if the scan flags no class."""
        network = as_module(classifier, by="Pruning")
        targets, triggers = suspected_triggers(verdict, by="Pruning")
        if not targets or triggers is None:
            return unchanged(network, by="Pruning")
        repaired = network.copy()
        layer = find_layer(network, self.layer)
        few = clean.subset(rng.order(clean.ids)[: self.rows])
        ranks = activation_increase(network, few, triggers, targets, layer)
        floor = accuracy(network, clean) - self.limit
        silenced = torch.empty(0, dtype=torch.int64, device=ranks.device)
        step = math.ceil(len(ranks) / MAX_STEPS)
        while len(silenced) + step < len(ranks):
            if self.rank == "effect":
                ranks = silencing_effects(repaired, few, triggers, targets, layer)
            ranks[silenced] = -math.inf
            silenced = torch.cat([silenced, ranks.topk(step).indices])
            pruned = network.silence(layer, silenced)
            if accuracy(pruned, clean) < floor:
                break
            repaired = pruned
            if highest_success(repaired, clean, triggers, targets) <= self.enough:
                break
        return self._saying(repaired, clean)


def activation_increase(
    network: ModuleClassifier, clean: Dataset, triggers: RecoveredTriggers, targets: tuple[int, ...], layer: str
) -> Tensor:
    """Return the increase of each unit's activation by recovered triggers, summed over rows and classes (units)."""
    parts = []
    for _, x in input_batches(clean, most=rows_per_activation(network)):
        plain = mean_activations(network, x, layer)
        triggered = sum(mean_activations(network, triggers.apply(x, target), layer) for target in targets)
        parts.append(triggered - len(targets) * plain)
    return torch.cat(parts).sum(0)


def silencing_effects(
    network: ModuleClassifier, clean: Dataset, triggers: RecoveredTriggers, targets: tuple[int, ...], layer: str
) -> Tensor:
    """Return the decrease of the targets' leads by silencing each unit, minus the increase of clean loss (units).

    This is a first-order estimate: the activation of a unit times the gradient with respect to it.
    """
    labels = clean.y.to(network.device)

    def loss(logits: Tensor, rows: slice) -> Tensor:
        return functional.cross_entropy(logits, labels[rows], reduction="sum")

    total = CLEAN_LOSS_WEIGHT * contributions(network, clean, layer, loss)
    for target in targets:
        rows = clean.subset(clean.y != target)
        lead, change = partial(logit_lead, target=target), partial(triggers.apply, target=target)
        total = total + contributions(network, rows, layer, lead, change)
    return total


def logit_lead(logits: Tensor, _: slice, *, target: int) -> Tensor:
    """Return the lead of a class over all others in logits, at least `LEAD_FLOOR` for each row, summed over rows."""
    others = logits.index_fill(1, torch.tensor([target], device=logits.device), -math.inf).amax(1)
    return (logits[:, target] - others).clamp_min(LEAD_FLOOR).sum()


def contributions(
    network: ModuleClassifier,
    data: Dataset,
    layer: str,
    objective: Callable[[Tensor, slice], Tensor],
    change: Callable[[Inputs], Inputs] = no_change,
) -> Tensor:
    """Return each unit's activation times the gradient of an objective, summed over rows and positions (units).

    Args:
        network: the network.
        data: the rows.
        layer: the name of the layer with the units.
        objective: the sum of a number over the rows of a batch, from their logits and their place among the rows.
        change: a change of the inputs of a batch, such as a trigger; none if omitted.
    """
    observed, parts = network.copy(), []
    observed.module.requires_grad_(False)  # nothing before the layer is kept for the gradient
    for rows in batches(max(1, len(data)), rows_within(data.shape, network.rows_per_gradient)):
        inputs = change(data.inputs(rows)).to(observed.device)
        with torch.enable_grad():
            logits, output = logits_after(observed, inputs, layer)
            (gradient,) = torch.autograd.grad(objective(logits, rows), output)
        products = turned_units(observed, layer, output.detach() * gradient)
        parts.append(products.flatten(2).sum((0, 2)) if products.ndim > 2 else products.sum(0))
    return torch.stack(parts).sum(0) if len(parts) != 1 else parts[0]
