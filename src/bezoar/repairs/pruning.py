"""Pruning the units that answer to a recovered trigger."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from bezoar.analysis.neurons import silenced_by_default, silencing_problems
from bezoar.data import Dataset
from bezoar.defences import Verdict
from bezoar.errors import CapabilityError
from bezoar.metrics import accuracy
from bezoar.models import Classifier
from bezoar.models.module import ModuleClassifier
from bezoar.repairs._repair import mendable, success_of, suspected
from bezoar.rng import Rng
from bezoar.settings import component


@component
class Pruning:
    """Silencing, one by one, the units that the recovered trigger excites most, until it fails.

    Wang et al., *Neural Cleanse* (2019). It stops when the recovered trigger fails on the clean rows, or when accuracy
    on them has fallen by the limit; then the last unit is given back.

    Args:
        layer: a layer whose units can be silenced; `penultimate` for the paper's, the last linear layer but one; the
            last convolution if null, or, without one, the penultimate.
        enough: the success of the recovered trigger at which it has failed.
        limit: by how much accuracy on the clean rows may fall.

    Raises:
        CapabilityError: no verdict, or no such layer.
    """

    needs = frozenset({"verdict"})

    layer: str | None = None
    enough: Annotated[float, Interval(ge=0, lt=1)] = 0.01
    limit: Annotated[float, Interval(gt=0, lt=1)] = 0.02

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        try:
            layer = prunable(mendable(classifier, "Pruning"), self.layer)
        except CapabilityError as error:
            yield str(error)
        else:
            yield from silencing_problems(classifier, layer)

    def repair(
        self,
        classifier: Classifier,
        clean: Dataset,
        *,
        rng: Rng,  # noqa: ARG002
        verdict: Verdict | None = None,
    ) -> Classifier:
        """A new classifier with silenced units; the same again where nothing is suspected."""
        network = mendable(classifier, "Pruning")
        targets = suspected(verdict, "Pruning")
        mended = network.copy()
        if not targets or verdict is None:
            return mended
        layer = prunable(network, self.layer)
        order = excited(network, clean, verdict, targets, layer).argsort(descending=True)
        floor = accuracy(network, clean) - self.limit
        for count in range(1, len(order)):
            pruned = network.silence(layer, order[:count])
            if accuracy(pruned, clean) < floor:
                break
            mended = pruned
            if success_of(mended, clean, verdict, targets) <= self.enough:
                break
        return mended


def prunable(network: ModuleClassifier, layer: str | None) -> str:
    """The name of the layer that is meant.

    Raises:
        CapabilityError: the network has none such.
    """
    if layer is None:
        return silenced_by_default(network)
    if layer != "penultimate":
        return layer
    linear = [name for name, each in network.module.named_modules() if isinstance(each, nn.Linear)]
    if len(linear) < 2:
        raise CapabilityError("Pruning the penultimate layer needs two linear layers, and the network has fewer.")
    return str(linear[-2])


def excited(
    network: ModuleClassifier, clean: Dataset, verdict: Verdict, targets: tuple[int, ...], layer: str
) -> Tensor:
    """How much more each unit gives for rows with recovered triggers than for the same rows without (units)."""
    total: Tensor | None = None
    for target in targets:
        for part in torch.arange(len(clean), device=clean.device).split(256):
            x = clean.inputs(part)
            both = (network.activations(each, (layer,))[layer] for each in (verdict.with_trigger(x, target), x))
            having, without = (each.clamp_min(0).reshape(*each.shape[:2], -1).mean(2) for each in both)
            more = (having - without).sum(0)
            total = more if total is None else total + more
    assert total is not None
    return total
