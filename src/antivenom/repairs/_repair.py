"""The contract of repairs, and the functions that they share."""

import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.calling import guarded
from antivenom.charts import WithEvidence, with_evidence
from antivenom.data import Dataset
from antivenom.defences import RecoveredTriggers, Verdict
from antivenom.defences._scan import require_triggers
from antivenom.models import Classifier, ModuleClassifier
from antivenom.models.batches import input_batches
from antivenom.models.filtered import Filtered
from antivenom.rng import Rng


@runtime_checkable
class Repair(Protocol):
    """A component that repairs a classifier, such as `Unlearning`.

    Attributes:
        needs: the requirements of the repair. With `triggers`, it receives a verdict with recovered triggers. If the
            scan flags no class, the repair returns an unchanged copy whose assumptions say so. If the scan is also
            inconclusive about a class, the repair refuses.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The requirements of the repair, in the words of `antivenom.settings.NEEDS`."""

    def repair(
        self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None
    ) -> Classifier | WithEvidence[Classifier]:
        """Return a new classifier. The original is not changed.

        Args:
            classifier: the classifier to repair.
            clean: the trusted rows of the defender, with their true labels.
            rng: the random stream of the repair.
            verdict: the verdict of a scan of the classifier.
        """


def apply_repair(
    repair: Repair, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None
) -> WithEvidence[Classifier]:
    """Return the repaired classifier with its evidence. A repair of a `Filtered` keeps the filter."""
    if isinstance(classifier, Filtered):
        inner = apply_repair(repair, classifier.classifier, clean, rng=rng, verdict=verdict)
        return replace(inner, result=replace(classifier, classifier=inner.result))
    fix = guarded(repair, Repair.repair, Classifier)
    return with_evidence(fix(classifier, clean, rng=rng, verdict=verdict))


def suspected_triggers(verdict: Verdict | None, *, by: str) -> tuple[tuple[int, ...], RecoveredTriggers | None]:
    """Return the classes that a scan suspects, which may be none, and the triggers that it recovered.

    Raises:
        CapabilityError: the verdict is missing, flags nothing and is inconclusive about a class, or suspects a class
            but has no recovered triggers.
    """
    checked = require_triggers(verdict, by=by)
    return checked.suspected, checked.triggers


def unchanged(network: ModuleClassifier, *, by: str) -> ModuleClassifier:
    """Return a copy of a network of which a scan suspects no class. Its assumptions say that it is unchanged."""
    copy = network.copy()
    copy.assumptions = (*copy.assumptions, f"{by} changed nothing: the scan flags no class.")
    return copy


def split_validation(clean: Dataset, share: float, rng: Rng) -> tuple[Dataset, Dataset]:
    """Split rows at random into a part for the repair and a validation part of the given share."""
    order = rng.order(clean.ids)
    count = validation_rows(len(order), share)
    return clean.subset(order[count:]), clean.subset(order[:count])


def validation_rows(rows: int, share: float) -> int:
    """Return the number of validation rows among `rows` rows."""
    return max(1, round(share * rows))


def with_trigger(data: Dataset, rows: Tensor, triggers: RecoveredTriggers, target: int) -> Tensor:
    """Return all stored rows (n, *shape), those at `rows` with the trigger that was recovered for a class."""
    x = data.x.clone()
    for part, inputs in input_batches(data, rows):
        x[rows[part]] = data.encode(triggers.apply(inputs, target))
    return x


def highest_success(
    classifier: Classifier, data: Dataset, triggers: RecoveredTriggers, targets: tuple[int, ...]
) -> float:
    """Return the highest success of recovered triggers on rows of other classes, or 0 without such rows."""
    successes = [triggers.success_on(classifier, data, target) for target in targets]
    return max((each for each in successes if not math.isnan(each)), default=0.0)
