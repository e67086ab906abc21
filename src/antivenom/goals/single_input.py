"""Taking one row for another class."""

import torch

from antivenom.data import Dataset, Scorer
from antivenom.errors import DataError
from antivenom.settings import Count, component
from antivenom.trial import Trial


@component
class SingleInput:
    """The model takes one row, which the attacker cannot change, for the wanted class.

    Args:
        row: its numbers, as a classifier takes them, flattened.
        target: the class that the attacker wants for it.

    >>> SingleInput(row=(-1, -1), target=1).target
    1
    """

    trial = Trial(settings={"row": (0.5,) * 36, "target": 1})

    row: tuple[float, ...]
    target: Count

    def success(self, classifier: Scorer, test: Dataset) -> float | None:
        """1 where the model takes the row for the target, 0 otherwise.

        Raises:
            DataError: the row has more or fewer numbers than the data's rows.
        """
        if len(self.row) != test.x.new_empty(1, *test.shape).numel():
            raise DataError(f"SingleInput.row has {len(self.row)} numbers; the data's rows have shape {test.shape}.")
        x = torch.tensor(self.row, dtype=torch.float32, device=test.device).reshape(1, *test.shape)
        return float(int(classifier.scores(x).argmax(1)) == self.target)
