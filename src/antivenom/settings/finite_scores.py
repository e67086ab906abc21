"""Check that the scores of a classifier are finite. Those of one that has diverged are NaN."""

import torch
from torch import Tensor

from antivenom.errors import DataError
from antivenom.settings.fits import HasRows
from antivenom.settings.taken_rows import Takes

ROWS_PROBED = 64
"""The number of rows whose scores must be finite before a defence or a repair uses a classifier."""


def undefined_rows(scores: Tensor) -> Tensor:
    """Return the rows whose scores do not have a largest one (n), bool: with NaN, or with infinity as the largest.

    >>> undefined_rows(torch.tensor([[0.1, 0.9], [torch.nan, 0.9], [-torch.inf, 0.0]])).tolist()
    [False, True, False]
    """
    return ~torch.isfinite(scores.amax(1))


def check_scores(scores: Tensor, name: str, subject: str = "The data") -> None:
    """Check that all scores (n, classes) of the classifier `name` are finite.

    Raises:
        DataError: some are not.
    """
    count = int(undefined_rows(scores).sum())
    if count:
        raise DataError(
            f"{subject}: the scores of {name} are not finite for {count} of {len(scores)} rows: it has diverged. "
            "Train it again, for example with a lower learning rate."
        )


def check_probe(classifier: Takes, data: HasRows, subject: str) -> None:
    """Check that the scores of the first rows are finite.

    Raises:
        DataError: some are not.
    """
    rows = data.inputs(slice(0, ROWS_PROBED))
    if len(rows):
        check_scores(classifier.scores(rows), classifier.name, subject)
