"""The contract of defences that look back along a stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import Chart, Figure
from antivenom.data import Dataset
from antivenom.models import Checkpoint
from antivenom.rng import Rng


@dataclass(frozen=True, eq=False)
class StreamVerdict:
    """What a defence says of a stream.

    Args:
        window: the model departs from its way between these numbers of rows; None where it never does.
        back: the checkpoint to go back to; the last one where nothing is blamed.
        signal: what was looked at, at each checkpoint (k).
        figures: what the defence reports of its own work.
        charts: what it shows of it.
    """

    window: tuple[int, int] | None
    back: Checkpoint
    signal: Tensor
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __repr__(self) -> str:
        if self.window is None:
            return "StreamVerdict(nothing is blamed)"
        return f"StreamVerdict(rows {self.window[0]} to {self.window[1]} are blamed; go back to row {self.back.rows})"


@runtime_checkable
class StreamDefence(Protocol):
    """A defence that says when a stream went wrong, from how the model stood along it: a component, such as `Blame`.

    Attributes:
        min_checkpoints: how many checkpoints it requires.
    """

    @property
    def min_checkpoints(self) -> int:
        """How many checkpoints it requires."""

    def blame(self, path: Sequence[Checkpoint], clean: Dataset, *, rng: Rng) -> StreamVerdict:
        """The part of the stream to blame, and the checkpoint before it.

        Args:
            path: how the model stood, in the order of the stream; the first before it began.
            clean: rows that the defender trusts, and that the model never learned from.
            rng: the defence's stream of random numbers.
        """
