"""A backdoor."""

from typing import Annotated

import torch

from antivenom.data import Dataset, Scorer
from antivenom.errors import DataError
from antivenom.models.predict import predictions
from antivenom.settings import Component, Count, component
from antivenom.shapes import Labels
from antivenom.trial import Trial
from antivenom.triggers import Trigger


@component
class Backdoor:
    """The model takes rows that carry the trigger for the target class, and classifies all others as before.

    Args:
        trigger: what the attacker puts into a row.
        target: the class that the model takes triggered rows for.
        source: the only class whose rows the attacker wants misclassified; None for all.

    >>> from antivenom.triggers import Patch
    >>> Backdoor(trigger=Patch(), target=7).target
    7
    """

    trial = Trial(settings={"target": 1, "trigger": "patch"})

    trigger: Annotated[Trigger, Component("triggers")]
    target: Count
    source: Count | None = None

    def attacked(self, test: Dataset) -> Dataset:
        """The test rows that the attacker would attack: not of the target class already, and of the source class."""
        of_source = test.y != self.target if self.source is None else test.y == self.source
        return test.subset(of_source & (test.y != self.target))

    def triggered(self, data: Dataset) -> Dataset:
        """The same rows with the trigger, as precisely as the data is stored; their labels stay the true ones.

        Raises:
            DataError: the data has no bounds, or the trigger does not fit the rows.
        """
        if data.bounds is None:
            raise DataError("A trigger requires the range of the data. Give the data set bounds.")
        x = data.encode(self.trigger.apply(data.inputs(), data.bounds))
        return Dataset(x=x, y=data.y, ids=data.ids, classes=data.classes, bounds=data.bounds)

    def wanted(self, data: Dataset) -> Labels:
        """The target, for every row (n)."""
        return torch.full_like(data.y, self.target)

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """Attack success rate: the share of attacked test rows taken for the target; None where there is none."""
        attacked = self.attacked(test)
        if not len(attacked):
            return None
        hits = predictions(classifier, self.triggered(attacked)) == self.target
        return int(hits.sum()) / len(attacked)
