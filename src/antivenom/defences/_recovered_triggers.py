"""The triggers that a scan recovered: applying them to rows, and measuring their success."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.data import Dataset
from antivenom.errors import DataError
from antivenom.models import Classifier
from antivenom.models.batches import ROWS_PER_BATCH, input_batches
from antivenom.models.predict import predicted_classes
from antivenom.shapes import Inputs, ShortRepr


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RecoveredTriggers(ShortRepr):
    """The triggers that a scan recovered, one row for each trigger (k).

    Args:
        targets: the target class of each trigger (k), int64.
        masks: the opacity of each trigger at each position, in [0, 1] (k, 1 or channels, height, width).
        patterns: the values that each trigger writes, within the data's bounds (k, *shape).
        success: the share of clean rows of other classes that the trigger sends to its target class (k), in [0, 1]; NaN
            if it was not measured.
    """

    targets: Tensor
    masks: Tensor
    patterns: Tensor
    success: Tensor

    def mask(self, target: int) -> Tensor:
        """Return the mask of a class's trigger (1 or channels, height, width). Raises `DataError` if it has none."""
        return self.masks[self._row(target)]

    def pattern(self, target: int) -> Tensor:
        """Return the pattern of a class's trigger (*shape). Raises `DataError` if it has none."""
        return self.patterns[self._row(target)]

    def apply(self, x: Inputs, target: int) -> Inputs:
        """Return the rows with a class's trigger applied (n, *shape). Raises `DataError` if the class has none."""
        return apply_mask(x, self.mask(target), self.pattern(target))

    def success_on(self, classifier: Classifier, data: Dataset, target: int) -> float:
        """Return the share of rows of other classes that the trigger sends to `target`; NaN without such rows."""
        return trigger_success(classifier, data, self.mask(target), self.pattern(target), target)

    def _row(self, target: int) -> int:
        rows = torch.nonzero(self.targets == target).flatten()
        if not len(rows):
            raise DataError(f"No trigger was recovered for class {target}; there is one for {self.targets.tolist()}.")
        return int(rows[0])


def apply_mask(x: Inputs, mask: Tensor, pattern: Tensor) -> Inputs:
    """Return the rows with the pattern blended in, weighted by the mask (n, *shape)."""
    mask, pattern = mask.to(x), pattern.to(x)
    return (1 - mask) * x + mask * pattern


def trigger_success(classifier: Classifier, data: Dataset, mask: Tensor, pattern: Tensor, target: int) -> float:
    """Return the share of rows of other classes that a trigger sends to `target`; NaN without such rows."""
    rows = data.subset(data.y != target)
    hits = 0
    for _, x in input_batches(rows, most=ROWS_PER_BATCH):
        predicted = predicted_classes(classifier.scores(apply_mask(x, mask, pattern)))
        hits += int((predicted == target).sum())
    return hits / len(rows) if len(rows) else math.nan
