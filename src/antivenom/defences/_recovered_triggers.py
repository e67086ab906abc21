"""The triggers that a scan recovered: how they are put on rows, and how often they work."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_BATCH
from antivenom.shapes import Inputs, ShortRepr


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RecoveredTriggers(ShortRepr):
    """The triggers that a scan recovered, a row each (k).

    Args:
        targets: the class that each sends rows to (k), int64.
        masks: where it lies, in [0, 1] (k, 1 or channels, height, width).
        patterns: what it puts there, within the data's bounds (k, *shape).
        success: the share of clean rows of other classes that it sends to its target (k); NaN where nobody measured it.
    """

    targets: Tensor
    masks: Tensor
    patterns: Tensor
    success: Tensor

    def mask(self, target: int) -> Tensor:
        """The mask recovered for a class (1 or channels, height, width)."""
        return self.masks[self._row(target)]

    def pattern(self, target: int) -> Tensor:
        """The pattern recovered for a class (*shape)."""
        return self.patterns[self._row(target)]

    def apply(self, x: Inputs, target: int) -> Inputs:
        """Rows with the trigger recovered for a class (n, *shape)."""
        return apply_mask(x, self.mask(target), self.pattern(target))

    def success_on(self, classifier: Classifier, data: Dataset, target: int) -> float:
        """The share of rows of other classes that the trigger sends to its class; NaN where there are none."""
        return trigger_success(classifier, data, self.mask(target), self.pattern(target), target)

    def _row(self, target: int) -> int:
        rows = torch.nonzero(self.targets == target).flatten()
        if not len(rows):
            raise DataError(f"No trigger was recovered for class {target}.")
        return int(rows[0])


def apply_mask(x: Inputs, mask: Tensor, pattern: Tensor) -> Inputs:
    """Rows with a pattern where a mask lies (n, *shape)."""
    mask, pattern = mask.to(x), pattern.to(x)
    return (1 - mask) * x + mask * pattern


def trigger_success(classifier: Classifier, data: Dataset, mask: Tensor, pattern: Tensor, target: int) -> float:
    """The share of rows of other classes that a trigger sends to its class; NaN where there are none."""
    rows = data.subset(data.y != target)
    hits = 0
    for part in torch.arange(len(rows), device=rows.device).split(ROWS_PER_BATCH):
        x = rows.inputs(part)
        predicted = classifier.scores(apply_mask(x, mask, pattern)).argmax(1)
        hits += int((predicted == target).sum())
    return hits / len(rows) if len(rows) else math.nan
