"""Looking back along a stream for the moment at which it went wrong."""

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

FLOOR = 1e-4
"""Losses below it are as good as each other."""


@component
class Blame:
    """The window of a stream after which the model departs from its way, and the checkpoint to go back to.

    At each checkpoint, the mean logarithm of the losses of trusted rows: a burst of poison raises it for all of them,
    and a few hard rows cannot move it. Where its level changes is found by PELT (Killick, Fearnhead and Eckley,
    *Optimal detection of changepoints with a linear computational cost*, 2012), in units of the noise from checkpoint
    to checkpoint; the largest rise is to blame, from where it begins. What comes slowly, poison spread over the stream,
    has no such moment.

    Args:
        penalty: what a change of level must gain in squared units of noise to count as one.
        least_rise: the rise that counts as a departure; 0.25 is a typical loss 28 % higher. Higher penalties and rises
            raise fewer false alarms and miss more.

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
        """The part of the stream to blame, and the checkpoint before it.

        Raises:
            DataError: fewer than eight checkpoints, or no trusted rows.
        """
        if len(path) < self.min_checkpoints or not len(clean):
            raise DataError(
                f"Blame requires {self.min_checkpoints} checkpoints and trusted rows; got {len(path)}, {len(clean)}. "
                "Raise the training's checkpoints."
            )
        signal = torch.stack([row_losses(each.classifier, clean).clamp_min(FLOOR).log().mean() for each in path])
        place = departure(signal.double().cpu().numpy(), self.penalty, self.least_rise)
        if place is None:
            return StreamVerdict(None, path[-1], signal)
        return StreamVerdict((path[place - 1].rows, path[place].rows), path[place - 1], signal)


def departure(signal: NDArray[np.float64], penalty: float, least: float) -> int | None:
    """The place (of k) at which a signal's largest rise begins; None where no rise of its level is large enough.

    >>> departure(np.array([0.0, 0.1, -0.1, 0.1, 0, 0.1, 0, 5, 5.1, 4.9]), 20, 0.25)
    7
    >>> departure(np.array([0.0, 0.1, -0.1, 0.1, 0, 0.1, 0, 0.1, 0.0, 0.1]), 20, 0.25) is None
    True
    """
    units = signal / max(_noise(signal), 1e-9)
    ends = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(units[:, None]).predict(pen=penalty)
    levels = [float(signal[start:end].mean()) for start, end in pairwise([0, *ends])]
    best, found, bottom, begins = least, None, levels[0], 0
    for place, (before, after) in enumerate(pairwise(levels)):
        if after <= before:
            continue
        if place == 0 or levels[place - 1] >= before:
            bottom, begins = before, ends[place]
        if after - bottom >= best:
            best, found = after - bottom, begins
    return found


def _noise(signal: NDArray[np.float64]) -> float:
    """The standard deviation from one checkpoint to the next or the one after, whichever is more; outliers aside."""
    steps = [signal[lag:] - signal[:-lag] for lag in (1, 2)]
    return max(1.4826 * float(np.median(np.abs(each - np.median(each)))) / 2**0.5 for each in steps)
