"""The contract of repairs, and what repairs share."""

import math
from dataclasses import replace
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import WithEvidence, with_evidence
from antivenom.data import Dataset
from antivenom.defences import RecoveredTriggers, Verdict
from antivenom.defences._scan import require_triggers
from antivenom.models import Classifier
from antivenom.models.filtered import Filtered
from antivenom.rng import Rng


@runtime_checkable
class Repair(Protocol):
    """A defence that repairs a classifier: a component, such as `Unlearning`.

    Attributes:
        needs: what it requires. One with `triggers` receives a verdict with recovered triggers; where the scan suspects
            nothing, it changes nothing.
    """

    @property
    def needs(self) -> frozenset[str]:
        """What it requires, in the words of `antivenom.settings.NEEDS`."""

    def repair(
        self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None = None
    ) -> Classifier | WithEvidence[Classifier]:
        """A new classifier; the one given stays as it is.

        Args:
            classifier: the classifier to repair.
            clean: rows with their true labels, which a defender has.
            rng: the repair's stream.
            verdict: a scan's verdict on the classifier.
        """


def apply_repair(
    repair: Repair, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Verdict | None
) -> WithEvidence[Classifier]:
    """The repaired classifier; of one behind a filter, the repair changes the classifier that answers."""
    if isinstance(classifier, Filtered):
        inner = apply_repair(repair, classifier.classifier, clean, rng=rng, verdict=verdict)
        return replace(inner, result=replace(classifier, classifier=inner.result))
    return with_evidence(repair.repair(classifier, clean, rng=rng, verdict=verdict))


def suspected_triggers(verdict: Verdict | None, *, by: str) -> tuple[tuple[int, ...], RecoveredTriggers | None]:
    """The classes that a scan suspects, and the triggers that it recovered; no class where nothing is suspected.

    Raises:
        CapabilityError: there is no verdict, or its scan suspects something and recovers no triggers.
    """
    checked = require_triggers(verdict, by=by)
    return checked.suspected, checked.triggers


def split_validation(clean: Dataset, share: float, rng: Rng) -> tuple[Dataset, Dataset]:
    """Rows to work with, and rows to judge by."""
    order = rng.order(clean.ids)
    count = max(1, round(share * len(order)))
    return clean.subset(order[count:]), clean.subset(order[:count])


def with_trigger(data: Dataset, rows: Tensor, triggers: RecoveredTriggers, target: int) -> Tensor:
    """All rows as they are stored, some of them with the trigger recovered for a class (n, *shape)."""
    x = data.x.clone()
    x[rows] = data.encode(triggers.apply(data.inputs(rows), target))
    return x


def highest_success(
    classifier: Classifier, data: Dataset, triggers: RecoveredTriggers, targets: tuple[int, ...]
) -> float:
    """How often recovered triggers still work on rows of other classes, the most over the classes; 0 without rows."""
    found = [triggers.success_on(classifier, data, target) for target in targets]
    return max((each for each in found if not math.isnan(each)), default=0.0)
