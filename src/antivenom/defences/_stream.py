"""The contract of stream defences: they look back along a stream for the moment at which the model changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from antivenom.charts import Chart, Figure
from antivenom.data import Dataset
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.settings import written


@dataclass(frozen=True, eq=False)
class StreamVerdict:
    """The result of a stream defence.

    Args:
        window: the rows of the stream to blame, as (number of rows before the first, number of rows up to the last), or
            None if no rows are blamed.
        last_good: the checkpoint to return to; the last checkpoint if no rows are blamed.
        signal: the number that the defence examined, at each checkpoint (k).
        figures: numbers about the defence's own work.
        charts: charts of the result.
    """

    window: tuple[int, int] | None
    last_good: Checkpoint
    signal: Tensor
    figures: tuple[Figure, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __repr__(self) -> str:
        if self.window is None:
            return "StreamVerdict(no rows are blamed)"
        first, last = self.window
        return (
            f"StreamVerdict(rows {first} to {last} are blamed; return to the checkpoint at row {self.last_good.rows})"
        )


@runtime_checkable
class StreamDefence(Protocol):
    """A defence that finds the poisoned part of a stream from the model's checkpoints: a component, such as `Blame`.

    Attributes:
        min_checkpoints: the number of checkpoints that it requires.
    """

    @property
    @written("Annotated[int, Interval(ge=2)] = 2")
    def min_checkpoints(self) -> int:
        """Return the number of checkpoints that it requires."""

    def blame(self, path: Sequence[Checkpoint], clean: Dataset, *, rng: Rng) -> StreamVerdict:
        """Return the part of the stream to blame, and the last checkpoint before it.

        Args:
            path: the model's checkpoints in the order of the stream; the first is from before the stream.
            clean: rows that the defender trusts. The model was not trained on them.
            rng: the defence's random stream.
        """
