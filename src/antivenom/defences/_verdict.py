"""What a scan says of a classifier, class by class."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.defences._outliers import Prior, anomaly_index, p_values, thresholds
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_BATCH
from antivenom.rng import Rng
from antivenom.shapes import Inputs


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a scan says, a row a class (k).

    Attributes:
        masks: where the recovered trigger lies, in [0, 1] (k, 1 or channels, height, width).
        patterns: what it puts there, within the data's bounds (k, *shape).
        l1: the L1 norms by which the classes are held against each other (k): of the masks, or, where suspicious ones
            were made smaller after that, of what they were then; NaN where no trigger was found.
        threshold: the norm below which each class would be flagged, given the others' (k).
        success: the share of clean rows of other classes that the trigger sends to its class (k); NaN for classes that
            dropped out of the search.
        anomaly_index: of Wang et al.: how many consistent deviations a norm lies below the median (k); shown, never
            deciding.
        p_value: the chance of a norm as small among classes that are alike, corrected for their number (k).
        flagged: the classes that look like a backdoor's target (k).
        inconclusive: the classes of which nothing can be said: no trigger was found, or too few classes (k).
        false_alarm_rate: the chance, over all classes together, with which a clean classifier may be flagged.
        rows: how many rows, masks put on, went through the classifier.
    """

    masks: Tensor
    patterns: Tensor
    l1: Tensor
    threshold: Tensor
    success: Tensor
    anomaly_index: Tensor
    p_value: Tensor
    flagged: Tensor
    inconclusive: Tensor
    false_alarm_rate: float
    rows: int

    @property
    def suspected(self) -> tuple[int, ...]:
        """The flagged classes, the most suspicious first."""
        order = self.p_value.nan_to_num(nan=1.0).argsort(stable=True)
        return tuple(int(each) for each in order if self.flagged[each])

    def with_trigger(self, x: Inputs, target: int) -> Inputs:
        """Rows with the trigger recovered for a class (n, *shape)."""
        return put_on(x, self.masks[target], self.patterns[target])


@runtime_checkable
class Scan(Protocol):
    """A defence that looks for a backdoor in a classifier, class by class: a component, such as `NeuralCleanse`."""

    def scan(self, classifier: Classifier, clean: Dataset, *, rng: Rng) -> Verdict:
        """What it says of each class.

        Args:
            classifier: the classifier.
            clean: rows with their true labels, which a defender has.
            rng: the scan's stream.
        """


def put_on(x: Inputs, mask: Tensor, pattern: Tensor) -> Inputs:
    """Rows with a pattern where a mask lies (n, *shape)."""
    mask, pattern = mask.to(x), pattern.to(x)
    return (1 - mask) * x + mask * pattern


def trigger_success(classifier: Classifier, data: Dataset, mask: Tensor, pattern: Tensor, target: int) -> float:
    """The share of rows of other classes that a trigger sends to its class; NaN where there are none."""
    rows = data.subset(data.y != target)
    hits = 0
    for part in torch.arange(len(rows), device=rows.device).split(ROWS_PER_BATCH):
        x = rows.inputs(part)
        said = classifier.scores(put_on(x, mask, pattern)).argmax(1)
        hits += int((said == target).sum())
    return hits / len(rows) if len(rows) else math.nan


def held_against(norms: Tensor, compared: Tensor, rate: float, prior: Prior) -> tuple[Tensor, Tensor]:
    """Each class's p-value, and the norm at which it would be `rate` (k).

    Args:
        norms: NaN where no trigger was found (k).
        compared: the classes that are held against each other; the others are known to have larger norms.
        rate: the family-wise rate of false alarms.
        prior: what is expected of the spread of norms.
    """
    rest = torch.ones(len(norms), dtype=torch.bool)
    rest[compared] = False
    larger = int(rest.sum())
    known = norms.double().masked_fill(rest, torch.nan).numpy()
    p_value = torch.from_numpy(p_values(known, larger, prior))
    if not bool(p_value.isnan().all()):
        p_value[rest] = 1.0
    return p_value, torch.from_numpy(thresholds(known, rate, larger, prior))


def verdict_of(
    masks: Tensor,
    patterns: Tensor,
    success: Tensor,
    norms: Tensor,
    compared: Tensor,
    *,
    prior: Prior,
    false_alarm_rate: float,
    rows: int,
) -> Verdict:
    """The verdict on recovered triggers; the arguments are as `Verdict` and `held_against` have them."""
    p_value, threshold = held_against(norms, compared, false_alarm_rate, prior)
    return Verdict(
        masks=masks.cpu(),
        patterns=patterns.cpu(),
        l1=norms,
        threshold=threshold,
        success=success,
        anomaly_index=torch.from_numpy(anomaly_index(norms.numpy())),
        p_value=p_value,
        flagged=p_value <= false_alarm_rate,
        inconclusive=p_value.isnan(),
        false_alarm_rate=false_alarm_rate,
        rows=rows,
    )
