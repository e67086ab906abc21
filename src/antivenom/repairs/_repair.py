"""The repair's protocol, and what repairs share."""

import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences import Verdict
from antivenom.defences._verdict import trigger_success
from antivenom.errors import CapabilityError
from antivenom.models import Classifier, Filtered, ModuleClassifier, as_module
from antivenom.rng import Rng


@runtime_checkable
class Repair(Protocol):
    """A defence that mends a classifier: a component, such as `Unlearning`.

    A repair with `needs = {"verdict"}` wants what a scan said; where the scan suspects nothing, it changes nothing.
    """

    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None) -> Classifier:
        """A new classifier; the one given stays as it is.

        Args:
            classifier: what is to be mended.
            clean: rows with their true labels, which a defender has.
            rng: the repair's stream.
            verdict: what a scan said of the classifier.
        """


def mendable(classifier: Classifier, name: str) -> ModuleClassifier:
    """The classifier itself.

    Raises:
        CapabilityError: it has no gradients.
    """
    return as_module(classifier, by=name)


def repaired(
    repair: Repair, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None
) -> Classifier:
    """What a repair makes of a classifier; of one behind a filter, it mends what answers."""
    if isinstance(classifier, Filtered):
        return replace(classifier, classifier=repaired(repair, classifier.classifier, clean, rng=rng, verdict=verdict))
    return repair.repair(classifier, clean, rng=rng, verdict=verdict)


def suspected(verdict: Verdict | None, name: str) -> tuple[int, ...]:
    """The classes that a scan flagged.

    Raises:
        CapabilityError: there was no scan.
    """
    if verdict is None:
        raise CapabilityError(f"{name} needs a scan's verdict. Name a scan, such as neural_cleanse, before it.")
    return verdict.suspected


def split_held(clean: Dataset, share: float, rng: Rng) -> tuple[Dataset, Dataset]:
    """Rows to work with, and rows to judge by."""
    order = rng.order(clean.ids)
    held = max(1, round(share * len(order)))
    return clean.subset(order[held:]), clean.subset(order[:held])


def with_recovered(data: Dataset, rows: Tensor, verdict: Verdict, target: int) -> Tensor:
    """All rows as they are stored, some of them with the trigger recovered for a class (n, *shape)."""
    x = data.x.clone()
    x[rows] = data.encode(verdict.with_trigger(data.inputs(rows), target))
    return x


def success_of(classifier: Classifier, held: Dataset, verdict: Verdict, targets: tuple[int, ...]) -> float:
    """How often recovered triggers still work on rows of other classes, at most over the classes; 0 without rows."""
    found = [
        trigger_success(classifier, held, verdict.masks[target], verdict.patterns[target], target) for target in targets
    ]
    return max((each for each in found if not math.isnan(each)), default=0.0)
