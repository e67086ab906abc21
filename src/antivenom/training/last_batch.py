"""The last batch of the rows, if a network cannot learn from one row alone."""

from collections.abc import Sequence

from torch import Tensor

from antivenom.errors import DataError, SettingsError
from antivenom.models import ModuleClassifier


def pieces(rows: Tensor, size: int, least: int = 1) -> Sequence[Tensor]:
    """Return rows in batches of `size`. A last batch of fewer than `least` rows joins the batch before it.

    >>> import torch
    >>> [len(batch) for batch in pieces(torch.zeros(9), 4)], [len(batch) for batch in pieces(torch.zeros(9), 4, 2)]
    ([4, 4, 1], [4, 5])
    """
    whole, rest = divmod(len(rows), size)
    if not whole or not 0 < rest < least:
        return rows.split(size)
    return rows.split([size] * (whole - 1) + [size + rest])


def least_rows(trained: ModuleClassifier, rows: int, size: int) -> int:
    """Return the fewest rows of a batch in the current mode of the network: 1 or 2.

    It is 1 without a trial if no batch has one row.
    """
    return 2 if 1 in (size, rows % size) and trained.requires_two_rows() else 1


def check_batch_size(trained: ModuleClassifier, rows: int, size: int, least: int, *, by: str) -> None:
    """Check that batches have enough rows.

    Raises:
        SettingsError: the batch size is too small for the network.
        DataError: there are too few rows.
    """
    what = f"{trained.name} requires at least {least} rows per update, for its batch normalisation"
    if size < least:
        raise SettingsError([f"{by}.batch_size must be at least {least}: {what}; got {size}."])
    if rows < least:
        raise DataError(f"{by} has {rows} row to train on, but {what}.")
