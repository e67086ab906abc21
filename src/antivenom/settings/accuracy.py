"""A doubt about rows on which a network is rarely right: their range or their labels are probably wrong."""

import math
from typing import Protocol

from torch import Tensor

from antivenom.settings.finite_scores import undefined_rows
from antivenom.settings.taken_rows import Takes

ROWS_JUDGED = 500
"""About the most rows on which the accuracy is measured. They are spread evenly over the data."""
ROWS_PER_BATCH = 64
LOW = 0.5
"""A doubt is stated if the accuracy is clearly below this share of the way from chance to 1."""


class Labelled(Protocol):
    """Rows with labels, such as a `Dataset`."""

    @property
    def y(self) -> Tensor:
        """The labels (n)."""

    def inputs(self, rows: slice) -> Tensor:
        """Return rows as a classifier receives them."""


def doubt_about_rows(classifier: Takes, data: Labelled) -> str | None:
    """Return a sentence if a classifier is rarely right on labelled rows, otherwise None.

    Rows without an answer, and those whose scores are not finite, are left out.
    """
    step = max(1, len(data.y) // ROWS_JUDGED)
    right = answered = 0
    for start in range(0, len(data.y), step * ROWS_PER_BATCH):
        part = slice(start, start + step * ROWS_PER_BATCH, step)
        scores = classifier.scores(data.inputs(part))
        known = ~undefined_rows(scores) & (scores != 0).any(1)
        right += int((known & (scores.argmax(1) == data.y[part].to(scores.device))).sum())
        answered += int(known.sum())
    return accuracy_doubt(right, answered, classifier.classes)


def accuracy_doubt(
    right: int, rows: int, classes: int, subject: str = "The network", of: str = "these rows"
) -> str | None:
    """Return a sentence if an accuracy is clearly low, otherwise None.

    Args:
        right: the number of rows with the right class.
        rows: the number of rows.
        classes: the number of classes, which gives the accuracy of a guess.
        subject: the model, as the subject of the sentence.
        of: the rows in words.

    >>> accuracy_doubt(13, 100, 10)
    'The network is right on 13 % of these rows, so this result means little. Check their range and labels.'
    >>> accuracy_doubt(60, 100, 10), accuracy_doubt(1, 4, 10)
    (None, None)
    """
    if not rows:
        return None
    chance = 1 / classes
    highest = right / rows + 1 / math.sqrt(rows)  # two standard errors
    if highest >= chance + LOW * (1 - chance):
        return None
    return (
        f"{subject} is right on {100 * right / rows:.0f} % of {of}, so this result means little. Check their range and "
        "labels."
    )
