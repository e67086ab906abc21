"""Pruning the units that answer to a recovered trigger."""

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
from antivenom.models.torch_modules import as_module
from antivenom.repairs._layer import find_layer, layer_problems, mean_activations
from antivenom.repairs._repair import highest_success, suspected_triggers
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, component
from antivenom.shapes import Inputs

MAX_STEPS = 64
"""In so many steps, at most, all units would go."""
CLEAN_LOSS_WEIGHT = 3.0
"""How much of a trigger's lead, in logits, is worth as much as clean loss."""
LEAD_FLOOR = 2.0
"""A class that lies so far behind another, in logits, is beaten."""


@component
class Pruning:
    """Silencing, a few at a time, the units that carry the recovered trigger, until it fails.

    Wang et al., *Neural Cleanse* (2019), rank units once, by how much more active the trigger makes them
    (`activation`). Channels that see trigger and content alike rank high by that, and silencing them costs accuracy.
    `effect` ranks them by what silencing each takes, to first order, from the target's lead over the other classes on
    rows with the trigger, against what it adds to the loss on clean rows; and again after each step. Units go one by
    one, of more than 64 as many at a time as make 64 steps, until the recovered trigger fails on the clean rows, or
    accuracy on them has fallen by the limit; then the last are given back.

    Args:
        layer: a layer whose units can be silenced; `penultimate` for the paper's, the last linear layer but one; the
            last convolution if null, or, without one, the penultimate.
        rank: `effect` or `activation`.
        enough: the success of the recovered trigger at which it has failed.
        limit: by how much accuracy on the clean rows may fall.
        rows: of so many clean rows, at most, the effect is judged.

    Raises:
        CapabilityError: no verdict, or no such layer.
    """

    needs = frozenset({"gradients", "triggers"})

    layer: str | None = None
    rank: Literal["effect", "activation"] = "effect"
    enough: Annotated[float, Interval(ge=0, lt=1)] = 0.01
    limit: Annotated[float, Interval(gt=0, lt=1)] = 0.02
    rows: AtLeastOne = 1000

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        yield from layer_problems(as_module(classifier, by="Pruning"), self.layer)

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """A new classifier with silenced units; the same again where nothing is suspected."""
        network = as_module(classifier, by="Pruning")
        targets, triggers = suspected_triggers(verdict, by="Pruning")
        repaired = network.copy()
        if not targets or triggers is None:
            return repaired
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
        return repaired


def activation_increase(
    network: ModuleClassifier, clean: Dataset, triggers: RecoveredTriggers, targets: tuple[int, ...], layer: str
) -> Tensor:
    """How much more each unit gives for rows with recovered triggers than for the same rows without (units)."""
    x = clean.inputs()
    plain = mean_activations(network, x, layer)
    having = sum(mean_activations(network, triggers.apply(x, target), layer) for target in targets)
    return (having - len(targets) * plain).sum(0)


def silencing_effects(
    network: ModuleClassifier, clean: Dataset, triggers: RecoveredTriggers, targets: tuple[int, ...], layer: str
) -> Tensor:
    """What silencing each unit takes from the triggers' leads, less what it adds to the clean loss (units).

    To first order: a unit's activation times the gradient by it.
    """
    x = clean.inputs()
    loss = partial(functional.cross_entropy, target=clean.y.to(network.device), reduction="sum")
    total = CLEAN_LOSS_WEIGHT * contributions(network, x, layer, loss)
    for target in targets:
        rows = clean.subset(clean.y != target)
        x = triggers.apply(rows.inputs(), target)
        total = total + contributions(network, x, layer, partial(logit_lead, target=target))
    return total


def logit_lead(logits: Tensor, target: int) -> Tensor:
    """By how much a class is ahead of all others, as far as it matters, over all rows."""
    others = logits.index_fill(1, torch.tensor([target], device=logits.device), -math.inf).amax(1)
    return (logits[:, target] - others).clamp_min(-LEAD_FLOOR).sum()


def contributions(network: ModuleClassifier, x: Inputs, layer: str, figure: Callable[[Tensor], Tensor]) -> Tensor:
    """Each unit's activation times the gradient of a figure of the logits by it, over rows and places (units)."""
    watched = network.copy()
    kept: list[Tensor] = []
    handle = watched.module.get_submodule(layer).register_forward_hook(partial(_from_here, kept))
    with watched.evaluating():
        value = figure(watched.logits(x.to(watched.device)))
    handle.remove()
    (gradient,) = torch.autograd.grad(value, kept)
    given = kept[0].detach() * gradient
    return given.flatten(2).sum((0, 2)) if given.ndim > 2 else given.sum(0)


def _from_here(kept: list[Tensor], _: object, __: object, output: Tensor) -> Tensor:
    """A forward hook from which gradients are taken; what follows gets a copy, as it may work in place."""
    kept.append(output.detach().requires_grad_())
    return kept[-1].clone()
