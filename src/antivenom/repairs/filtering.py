"""Filtering of rows that activate the same units as a recovered trigger."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.errors import CapabilityError
from antivenom.metrics import rows_for_rate, threshold_for
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.batches import input_batches
from antivenom.models.filtered import Filtered
from antivenom.models.torch_modules import as_module
from antivenom.repairs._classes import AllClasses
from antivenom.repairs._repair import split_validation, suspected_triggers, unchanged, validation_rows
from antivenom.repairs.layer import mean_activations, no_change, rows_per_activation
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.shapes import Chosen, Inputs, ShortRepr


@component
class Filtering(AllClasses):
    """A filter before the network. It refuses rows that activate the units of a recovered trigger.

    Wang et al., *Neural Cleanse* (2019). The filter uses the units that the recovered trigger activates most, relative
    to their spread. The score of a row is the weighted sum of these units: the linear discriminant between rows with
    and without the trigger, under the assumption that units are independent. With several suspected classes, the
    highest score counts. The threshold is set on clean rows that were not used to choose the units, so that the chance
    to refuse a new clean row is at most `false_rejection_rate`. The filter keeps its own copy of the network, so later
    repairs change the classifier behind the filter but not the filter.

    Args:
        layer: the layer whose units are used. If null, the input of the last linear layer, as in the paper.
        share: the share of the layer's units that are used; 0.01 in the paper.
        false_rejection_rate: the largest chance to refuse a clean row, between 0 and 1.

    Raises:
        CapabilityError: the verdict is missing or undecided, the layer does not exist, or the classifier does not
            provide gradients.
    """

    needs = frozenset({"gradients", "triggers"})
    rows_per_class = 2

    layer: str | None = None
    share: Annotated[float, Interval(gt=0, le=1)] = 0.05
    false_rejection_rate: Annotated[float, Interval(gt=0, lt=1)] = 0.05

    def problems(self, classifier: Classifier) -> Iterator[str]:
        """Yield the reasons why the settings do not fit the network."""
        network = as_module(classifier, by="Filtering")
        try:
            unit_activations(network, torch.zeros(1, *network.input_shape, device=network.device), self.layer)
        except CapabilityError as error:
            yield str(error)

    def clean_problems(self, clean: Dataset) -> Iterator[str]:
        """Yield a sentence if the trusted rows are too few to set the threshold, or too few of a class.

        With too few for the threshold, the filter would accept every row.
        """
        least = max(2, rows_for_rate(self.false_rejection_rate))
        if validation_rows(len(clean), 0.5) < least:
            yield (
                f"requires at least {2 * least} trusted rows for a `false_rejection_rate` of "
                f"{self.false_rejection_rate:g}, half of them for the threshold; got {len(clean)}."
            )
        yield from super().clean_problems(clean)

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """Return the network behind a filter. The filter accepts all rows if the scan flags no class."""
        network = as_module(classifier, by="Filtering").copy()
        targets, triggers = suspected_triggers(verdict, by="Filtering")
        layer = self.layer
        if triggers is None or not targets:
            return Filtered(unchanged(network, by="Filtering"), ActivationFilter(network.copy(), layer, (), math.inf))
        known, validation = split_validation(clean, 0.5, rng)
        plain, profiles = activations_of(network, known, layer), []
        for target in targets:
            excited = activations_of(network, known, layer, partial(triggers.apply, target=target))
            profiles.append(Profile.between(plain, excited, self.share))
        unlimited = ActivationFilter(network.copy(), layer, tuple(profiles), math.inf)
        scores = unlimited.score_activations(activations_of(network, validation, layer))
        threshold = threshold_for(scores.cpu(), self.false_rejection_rate)
        gate = ActivationFilter(unlimited.network, layer, tuple(profiles), threshold)
        return Filtered(self._saying(network, clean), gate)


@dataclass(frozen=True, eq=False, repr=False)
class Profile(ShortRepr):
    """Units (u), their weights (u), and the mean and standard deviation of the weighted sum over clean rows."""

    units: Tensor
    weights: Tensor
    mean: Tensor
    spread: Tensor

    @classmethod
    def between(cls, plain: Tensor, excited: Tensor, share: float) -> "Profile":
        """Return the profile of the best units, from activations of rows without and with a trigger (n, units)."""
        increase, variance = (excited - plain).mean(0), (plain.var(0) + excited.var(0)).clamp_min(1e-12)
        units = (increase / variance.sqrt()).argsort(descending=True)[: math.ceil(share * len(increase))]
        weights = (increase / variance)[units]
        score = plain[:, units] @ weights
        return cls(units, weights, score.mean(), score.std().clamp_min(1e-12))

    def score(self, activations: Tensor) -> Tensor:
        """Return the score of each row (n), in standard deviations above clean rows, from activations (n, units)."""
        return (activations[:, self.units] @ self.weights - self.mean) / self.spread


@dataclass(frozen=True, eq=False, repr=False)
class ActivationFilter(ShortRepr):
    """A filter that refuses rows whose score on chosen units is above a threshold.

    Attributes:
        network: the network that computes the activations.
        layer: the layer whose units are used. If None, the input of the last linear layer.
        profiles: the units, one profile for each suspected class.
        threshold: rows with a higher score are refused.
    """

    network: ModuleClassifier
    layer: str | None
    profiles: tuple[Profile, ...]
    threshold: float

    def score(self, x: Inputs) -> Tensor:
        """Return the highest score of each row over the profiles (n)."""
        if not self.profiles:
            return torch.full((len(x),), -math.inf, device=self.network.device)
        return self.score_activations(unit_activations(self.network, x, self.layer))

    def score_activations(self, activations: Tensor) -> Tensor:
        """Return the highest score over the profiles (n), from the activations of each row (n, units)."""
        scores = torch.full((len(activations),), -math.inf, device=activations.device)
        for each in self.profiles:
            scores = torch.maximum(scores, each.score(activations))
        return scores

    def accepts(self, x: Inputs) -> Chosen:
        """Return a mask of the rows whose score is at most the threshold (n)."""
        return self.score(x) <= self.threshold


def activations_of(
    network: ModuleClassifier, data: Dataset, layer: str | None, change: Callable[[Inputs], Inputs] = no_change
) -> Tensor:
    """Return the activation of each unit for all rows (n, units), after a change of the inputs such as a trigger."""
    most = network.rows_per_batch if layer is None else rows_per_activation(network)
    return torch.cat([unit_activations(network, change(x), layer) for _, x in input_batches(data, most=most)])


def unit_activations(network: ModuleClassifier, x: Inputs, layer: str | None) -> Tensor:
    """Return the activation of each unit of a layer, or of the input of the last linear layer (n, units)."""
    return network.features(x) if layer is None else mean_activations(network, x, layer)
