"""The protocol of defences that look back along a stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.data import Dataset
from antivenom.models import Checkpoint
from antivenom.rng import Rng


@dataclass(frozen=True, eq=False)
class Blamed:
    """What a defence says of a stream.

    Attributes:
        window: between how many rows learned from the model departs from its way; None where it never does.
        back: the checkpoint to go back to; the last one where there is nothing to blame.
        signal: what was looked at, at each checkpoint (k).
    """

    window: tuple[int, int] | None
    back: Checkpoint
    signal: Tensor


@runtime_checkable
class StreamDefence(Protocol):
    """A defence that says when a stream went wrong, from how the model stood along it: a component, such as `Blame`.

    Attributes:
        fewest: how many checkpoints it needs.
    """

    fewest: int

    def blame(self, path: Sequence[Checkpoint], clean: Dataset, *, rng: Rng) -> Blamed:
        """The part of the stream to blame, and the checkpoint before it.

        Args:
            path: how the model stood, in the order of the stream; the first before it began.
            clean: rows that the defender trusts, and that the model never learned from.
            rng: the defence's stream of random numbers.
        """
