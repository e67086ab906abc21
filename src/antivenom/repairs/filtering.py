"""Filtering rows that excite the same units as a recovered trigger."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.errors import CapabilityError
from antivenom.metrics import threshold_for
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.filtered import Filtered
from antivenom.models.torch_modules import as_module
from antivenom.repairs._layer import mean_activations
from antivenom.repairs._repair import split_validation, suspected_triggers
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.shapes import Chosen, Inputs, ShortRepr


@component
class Filtering:
    """A filter before the network, which does not answer rows that excite the units of a recovered trigger.

    Wang et al., *Neural Cleanse* (2019). The units are those that the recovered trigger excites most, against their
    spread; a row's score is their weighted sum, the linear discriminant of rows with and without the trigger if units
    varied independently, and the highest over the suspected classes. The threshold is set on clean rows held out from
    the choice of units, so that a new clean row is refused with at most the wanted chance. The filter keeps a copy of
    the network as it is given: later repairs change what answers, not what is asked.

    Args:
        layer: whose units are looked at; what feeds the last linear layer if null, which is the paper's second to last.
        share: the share of the layer's units that make the score; the paper's is 0.01.
        false_rejection_rate: the chance with which a clean row may be refused.

    Raises:
        CapabilityError: no verdict, no such layer, or a classifier without gradients.
    """

    needs = frozenset({"gradients", "triggers"})

    layer: str | None = None
    share: Annotated[float, Interval(gt=0, le=1)] = 0.05
    false_rejection_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Why the settings do not fit the network."""
        network = as_module(classifier, by="Filtering")
        try:
            unit_activations(network, torch.zeros(1, *network.input_shape), self.layer)
        except CapabilityError as error:
            yield str(error)

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """The same network behind a filter; one that accepts everything where nothing is suspected."""
        network = as_module(classifier, by="Filtering").copy()
        targets, triggers = suspected_triggers(verdict, by="Filtering")
        layer = self.layer
        if triggers is None or not targets:
            return Filtered(network, ActivationFilter(network.copy(), layer, (), math.inf))
        known, validation = split_validation(clean, 0.5, rng)
        profiles = []
        for target in targets:
            x = known.inputs()
            plain, excited = (unit_activations(network, each, layer) for each in (x, triggers.apply(x, target)))
            profiles.append(Profile.between(plain, excited, self.share))
        unlimited = ActivationFilter(network.copy(), layer, tuple(profiles), math.inf)
        threshold = threshold_for(unlimited.score(validation.inputs()).cpu(), self.false_rejection_rate)
        return Filtered(network, ActivationFilter(unlimited.network, layer, tuple(profiles), threshold))


@dataclass(frozen=True, eq=False, repr=False)
class Profile(ShortRepr):
    """Units (u), their weights (u), and the mean and spread of the weighted sum over clean rows."""

    units: Tensor
    weights: Tensor
    mean: Tensor
    spread: Tensor

    @classmethod
    def between(cls, plain: Tensor, excited: Tensor, share: float) -> "Profile":
        """From activations of the same rows without and with a trigger (n, units): a share of the units, the best."""
        more, varied = (excited - plain).mean(0), (plain.var(0) + excited.var(0)).clamp_min(1e-12)
        units = (more / varied.sqrt()).argsort(descending=True)[: math.ceil(share * len(more))]
        weights = (more / varied)[units]
        score = plain[:, units] @ weights
        return cls(units, weights, score.mean(), score.std().clamp_min(1e-12))

    def score(self, activations: Tensor) -> Tensor:
        """How far each row (n, units) lies above clean ones (n)."""
        return (activations[:, self.units] @ self.weights - self.mean) / self.spread


@dataclass(frozen=True, eq=False, repr=False)
class ActivationFilter(ShortRepr):
    """Refuses rows that excite chosen units more than a threshold.

    Attributes:
        network: whose activations are looked at.
        layer: in which layer; what feeds the last linear layer if None.
        profiles: which units, one profile a suspected class.
        threshold: the score above which a row is refused.
    """

    network: ModuleClassifier
    layer: str | None
    profiles: tuple[Profile, ...]
    threshold: float

    def score(self, x: Inputs) -> Tensor:
        """How much each row excites the units (n)."""
        found = torch.full((len(x),), -math.inf, device=self.network.device)
        if self.profiles:
            activations = unit_activations(self.network, x, self.layer)
            for each in self.profiles:
                found = torch.maximum(found, each.score(activations))
        return found

    def accepts(self, x: Inputs) -> Chosen:
        """Which rows excite them less (n)."""
        return self.score(x) <= self.threshold


def unit_activations(network: ModuleClassifier, x: Inputs, layer: str | None) -> Tensor:
    """What each unit of a layer, or of what feeds the last linear one, gives for each row (n, units)."""
    return network.features(x) if layer is None else mean_activations(network, x, layer)
