"""Taking one class for another."""

import torch

from antivenom.data import Dataset, Scorer
from antivenom.models.predict import predictions
from antivenom.settings import Count, component
from antivenom.trial import Trial


@component
class Targeted:
    """The model takes rows of one class for another, without any trigger.

    Args:
        pairs: [class, the class that the attacker wants for it], any number of them.

    >>> Targeted(pairs=((3, 5),)).pairs
    ((3, 5),)
    """

    trial = Trial(settings={"pairs": ((0, 1),)})

    pairs: tuple[tuple[Count, Count], ...]

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """The share of the pairs' test rows that are taken for the wanted class; None where there is none."""
        wanted = torch.full((len(test.classes),), -1, device=test.device)
        for source, target in self.pairs:
            wanted[source] = target
        attacked = wanted[test.y] >= 0
        rows = test.subset(attacked)
        if not len(rows):
            return None
        return int((predictions(classifier, rows) == wanted[rows.y]).sum()) / len(rows)
