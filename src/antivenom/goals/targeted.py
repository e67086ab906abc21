"""Misclassification of one class as another."""

import torch

from antivenom.data import Dataset, Scorer
from antivenom.models.predict import predictions
from antivenom.settings import ClassNumber, component
from antivenom.trial import Trial


@component
class Targeted:
    """The model predicts a wrong class for all rows of some classes, without a trigger.

    Args:
        pairs: pairs of [source class, class that the attacker wants to be predicted].

    >>> Targeted(pairs=((3, 5),)).pairs
    ((3, 5),)
    """

    trial = Trial(settings={"pairs": ((0, 1),)})

    pairs: tuple[tuple[ClassNumber, ClassNumber], ...]

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """Return the share of attacked test rows with the wanted prediction, or None if no row is attacked."""
        wanted = torch.full((len(test.classes),), -1, device=test.device)
        for source, target in self.pairs:
            wanted[source] = target
        attacked = wanted[test.y] >= 0
        rows = test.subset(attacked)
        if not len(rows):
            return None
        return int((predictions(classifier, rows) == wanted[rows.y]).sum()) / len(rows)
