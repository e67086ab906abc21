"""The last batch of the rows, if a network cannot learn from one row alone."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, ModuleClassifier, is_module


def pieces(rows: Tensor, size: int, least: int = 1) -> Sequence[Tensor]:
    """Return rows in batches of `size`. A last batch of fewer than `least` rows joins the batch before it.

    >>> import torch
    >>> [len(batch) for batch in pieces(torch.zeros(9), 4)], [len(batch) for batch in pieces(torch.zeros(9), 4, 2)]
    ([4, 4, 1], [4, 5])
    """
    whole, rest = divmod(len(rows), size)
    joins = bool(whole) and 0 < rest < least
    parts: Sequence[Tensor] = rows.split([size] * (whole - 1) + [size + rest] if joins else size)
    return parts


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
    if size < least:
        raise SettingsError([f"{by}.{_too_small(trained, size)}"])
    if rows < least:
        raise DataError(f"{by} has {rows} row to train on, but {_requires(trained)}.")


def training_problems(classifier: Classifier, size: int) -> Iterator[str]:
    """Yield the reasons why a network cannot be trained in batches of `size`, before it is trained."""
    if not is_module(classifier):
        return
    if not classifier.trainable:
        yield f"requires weights to train; all parameters of {classifier.name} are frozen."
    if size > 1:
        return
    trial = classifier.copy()
    trial.module.train()
    freeze_statistics(trial)
    if trial.requires_two_rows():
        yield f"requires a larger batch: {_too_small(classifier, size)}"


def freeze_statistics(trained: ModuleClassifier) -> None:
    """Freeze the running statistics of layers whose weights are all frozen."""
    for layer in trained.module.modules():
        own = list(layer.parameters(recurse=False))
        if own and not any(weight.requires_grad for weight in own):
            layer.eval()


def _too_small(classifier: Classifier, size: int) -> str:
    return f"batch_size must be at least 2, because {_requires(classifier)}; got {size}."


def _requires(classifier: Classifier) -> str:
    return f"{classifier.name} requires 2 rows per update, for its batch normalisation"
