"""A backdoor."""

from typing import Annotated

import torch

from antivenom.data import Dataset, Scorer
from antivenom.errors import DataError
from antivenom.models.batches import input_batches
from antivenom.models.predict import predictions
from antivenom.settings import ClassNumber, Component, component
from antivenom.shapes import Labels
from antivenom.trial import Trial
from antivenom.triggers import Trigger, apply_trigger


@component
class Backdoor:
    """The model predicts the target class for rows with the trigger, and classifies other rows normally.

    Args:
        trigger: the trigger that the attacker adds to a row.
        target: the target class, which the attacker wants to be predicted.
        source: the only class whose rows the attacker wants to be misclassified, or None for all classes.

    >>> from antivenom.triggers import Patch
    >>> Backdoor(trigger=Patch(), target=7).target
    7
    """

    trial = Trial(settings={"target": 1, "trigger": "patch"})

    trigger: Annotated[Trigger, Component("triggers")]
    target: ClassNumber
    source: ClassNumber | None = None

    def attacked(self, test: Dataset) -> Dataset:
        """Return the test rows of the source class, or of all classes, without those of the target class."""
        of_source = test.y != self.target if self.source is None else test.y == self.source
        return test.subset(of_source & (test.y != self.target))

    def triggered(self, data: Dataset) -> Dataset:
        """Return the same rows with the trigger, in the format in which the data is stored. Labels are unchanged.

        Raises:
            DataError: the data has no bounds, or the trigger does not fit the rows.
        """
        if data.bounds is None:
            raise DataError("A trigger requires the range of the data. Give the data set bounds.")
        x = data.x.new_empty(data.x.shape)
        for rows, inputs in input_batches(data):
            x[rows] = data.encode(apply_trigger(self.trigger, inputs, data.bounds))
        return Dataset(x=x, y=data.y, ids=data.ids, classes=data.classes, bounds=data.bounds)

    def wanted(self, data: Dataset) -> Labels:
        """Return the target class for every row (n)."""
        return torch.full_like(data.y, self.target)

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """Return the share of attacked test rows that are predicted as the target, or None if no row is attacked."""
        attacked = self.attacked(test)
        if not len(attacked):
            return None
        hits = predictions(classifier, self.triggered(attacked)) == self.target
        return int(hits.sum()) / len(attacked)
