"""Misclassification of one input."""

import torch

from antivenom.data import Dataset, Scorer
from antivenom.errors import DataError
from antivenom.models.predict import predicted_classes
from antivenom.settings import ClassNumber, component
from antivenom.trial import Trial


@component
class SingleInput:
    """The model predicts the target class for one input, which the attacker cannot change.

    Args:
        row: the input, as a classifier receives it, flattened.
        target: the class that the attacker wants to be predicted.

    >>> SingleInput(row=(-1, -1), target=1).target
    1
    """

    trial = Trial(settings={"row": (0.5,) * 36, "target": 1})

    row: tuple[float, ...]
    target: ClassNumber

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """Return 1 if the model predicts the target for the input, else 0.

        Raises:
            DataError: the input has more or fewer numbers than a row of the data.
        """
        if len(self.row) != test.x.new_empty(1, *test.shape).numel():
            raise DataError(f"SingleInput.row has {len(self.row)} numbers; rows of the data have shape {test.shape}.")
        x = torch.tensor(self.row, dtype=torch.float32, device=test.device).reshape(1, *test.shape)
        return float(int(predicted_classes(classifier.scores(x))) == self.target)
