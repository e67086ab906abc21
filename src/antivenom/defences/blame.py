"""Blame: looking back along a stream for the moment at which the model became worse."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import ruptures
import torch
from numpy.typing import NDArray

from antivenom.data import Dataset
from antivenom.defences._stream import StreamVerdict
from antivenom.errors import DataError
from antivenom.models import Checkpoint, row_losses
from antivenom.rng import Rng
from antivenom.settings import Positive, component

SMALLEST_LOSS = 1e-4
"""Smaller losses count as this loss."""


@component
class Blame:
    """Find the part of a stream in which the model's loss on trusted rows rose, and the checkpoint before it.

    The signal is the mean logarithm of the losses of the trusted rows at each checkpoint. A burst of poison raises the
    losses of all trusted rows; a few difficult rows do not change the signal. PELT (Killick, Fearnhead and Eckley,
    *Optimal detection of changepoints with a linear computational cost*, 2012) finds changes of its level. The unit is
    the noise from one checkpoint to the next. The start of the largest rise is to blame. Poison that is spread over the
    whole stream raises the signal slowly; this defence does not detect it. Requires the extra `streams`.

    Args:
        penalty: the gain that a change of level requires, in squared units of noise.
        least_rise: the smallest rise of the signal to blame; 0.25 means that a typical loss is 28 % higher. Higher
            values of both settings cause fewer false alarms and more misses.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> test = load("digits").test
    >>> net = MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> path = [Checkpoint(50 * place, net.fresh(Rng(place))) for place in range(10)]
    >>> Blame().blame(path, test, rng=Rng(0)).signal.shape
    torch.Size([10])
    """

    min_checkpoints = 8

    penalty: Positive = 20.0
    least_rise: Positive = 0.25

    def blame(self, path: Sequence[Checkpoint], clean: Dataset, *, rng: Rng) -> StreamVerdict:  # noqa: ARG002
        """Return the part of the stream to blame, and the checkpoint before it.

        Raises:
            DataError: there are fewer than eight checkpoints, or no trusted rows.
        """
        if len(path) < self.min_checkpoints or not len(clean):
            raise DataError(
                f"Blame requires at least {self.min_checkpoints} checkpoints and 1 trusted row; got {len(path)} "
                f"and {len(clean)}. Increase `checkpoints` of the training, or pass trusted rows."
            )
        losses = (row_losses(each.classifier, clean) for each in path)
        signal = torch.stack([each.clamp_min(SMALLEST_LOSS).log().mean() for each in losses])
        place = departure(signal.double().cpu().numpy(), self.penalty, self.least_rise)
        if place is None:
            return StreamVerdict(None, path[-1], signal)
        return StreamVerdict((path[place - 1].rows, path[place].rows), path[place - 1], signal)


def departure(signal: NDArray[np.float64], penalty: float, least: float) -> int | None:
    """Return the index at which a signal's largest rise begins, or None if every rise is smaller than `least`.

    >>> departure(np.array([0.0, 0.1, -0.1, 0.1, 0, 0.1, 0, 5, 5.1, 4.9]), 20, 0.25)
    7
    >>> departure(np.array([0.0, 0.1, -0.1, 0.1, 0, 0.1, 0, 0.1, 0.0, 0.1]), 20, 0.25) is None
    True
    """
    units = signal / max(_noise(signal), 1e-9)
    ends = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(units[:, None]).predict(pen=penalty)
    levels = [float(signal[first:end].mean()) for first, end in pairwise([0, *ends])]
    best, best_start, bottom, start = least, None, levels[0], 0
    for place, (before, after) in enumerate(pairwise(levels)):
        if after <= before:
            continue
        if place == 0 or levels[place - 1] >= before:
            bottom, start = before, ends[place]
        if after - bottom >= best:
            best, best_start = after - bottom, start
    return best_start


def _noise(signal: NDArray[np.float64]) -> float:
    """Return a robust standard deviation of the changes over one or two checkpoints, the larger of the two."""
    steps = [signal[lag:] - signal[:-lag] for lag in (1, 2)]
    return max(1.4826 * float(np.median(np.abs(each - np.median(each)))) / 2**0.5 for each in steps)
