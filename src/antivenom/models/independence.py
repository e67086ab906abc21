"""A check that the scores of a row do not depend on the other rows of the batch."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from antivenom.errors import SettingsError
from antivenom.models.layout import close

Run = Callable[[Tensor], Tensor]
"""A pass of rows (n, …) through a module, with class scores (n, width) as its result."""

WATCHED = 1
"""The position of the row whose scores must stay the same: rows come before it and after it."""

SAME_PLACE = 1e-4
"""The largest change of scores, as a share of the largest score, if only the other rows of a batch change.

The kernels and the order of their sums are the same, so scores in float32 change by much less.
"""


def check_independent(run: Run, rows: Tensor, scores: Tensor, *, tolerance: float = SAME_PLACE) -> None:
    """Check that a module returns the same scores for a row in each batch.

    Args:
        run: passes a batch through the module in evaluation mode.
        rows: at least 3 different rows within the range of the module.
        scores: the scores of these rows.
        tolerance: the largest change of scores, as a share of the largest score, if only other rows change.

    Raises:
        SettingsError: scores differ from call to call, or depend on the other rows of the batch.
    """
    repeated = run(rows)
    if not close(repeated, scores):
        raise SettingsError(
            [
                "The module returns different outputs for the same rows, even in evaluation mode. Pass "
                "training=self.training to dropout, and add no noise in evaluation mode."
            ]
        )
    expected = scores[WATCHED]
    noise = _change(repeated[WATCHED], expected)
    most = max(10 * noise, tolerance * float(expected.abs().nan_to_num(0, 0, 0).max()), torch.finfo(torch.float32).tiny)
    alone = run(rows[WATCHED : WATCHED + 1])
    if not close(alone[0], expected) or any(
        _change(run(batch)[WATCHED], expected) > most for batch in _other_batches(rows)
    ):
        raise SettingsError(
            [
                "The module's outputs for a row depend on the other rows of the batch, even in evaluation mode. Use "
                "running statistics in normalisation, batch_first=True in attention and recurrent layers, and no "
                "operation over dimension 0."
            ]
        )


def _other_batches(rows: Tensor) -> Iterator[Tensor]:
    """Yield batches of the same size with the same row at `WATCHED`; the other rows stay within the range."""
    flat = rows.flatten(1)
    low, high = float(flat.min()), float(flat.max())
    others = [
        rows.flip(0),
        torch.full_like(rows, low),
        torch.full_like(rows, high),
        rows[WATCHED].expand_as(rows),
        (low + high) - rows,
        torch.where(flat > (low + high) / 2, high, low).reshape(rows.shape).to(rows.dtype),
        flat.roll(1, 1).reshape(rows.shape),
    ]
    for other in others:
        batch = other.clone()
        batch[WATCHED] = rows[WATCHED]
        yield batch


def _change(one: Tensor, other: Tensor) -> float:
    """Return the largest difference of two scores; infinity if only one of them is finite."""
    if not torch.equal(one.isfinite(), other.isfinite()):
        return torch.inf
    return float((one - other).abs().nan_to_num(0, 0, 0).max())
