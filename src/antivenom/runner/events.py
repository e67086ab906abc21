"""The events of a run."""

from collections.abc import Callable
from dataclasses import dataclass

from antivenom.training import Epoch


@dataclass(frozen=True)
class Planned:
    """The plan of a run, sent before anything runs: the cells and the number of their trainings.

    Each training ends with a `Finished` event, even if the store already has it. `assumptions` says what was inferred
    from the data and the model, one sentence each. `at_most` is true if a run may need fewer repeats. `kept`
    is the number of cells that an earlier run finished.
    """

    cells: tuple[str, ...]
    victims: int
    controls: int
    surrogates: int = 0
    defenders: int = 0
    warm_ups: int = 0
    assumptions: tuple[str, ...] = ()
    at_most: bool = False
    kept: int = 0

    @property
    def trainings(self) -> int:
        """The number of all trainings."""
        return self.victims + self.controls + self.surrogates + self.defenders + self.warm_ups


@dataclass(frozen=True)
class Started:
    """A stage has started."""

    cell: str
    repeat: int
    stage: str


@dataclass(frozen=True)
class Read:
    """`done` of `of` rows of the data set have been read."""

    cell: str
    repeat: int
    done: int
    of: int


@dataclass(frozen=True)
class Trained:
    """An epoch of a stage is finished."""

    cell: str
    repeat: int
    stage: str
    epoch: Epoch


@dataclass(frozen=True)
class Finished:
    """A stage is finished. `stored` is true if it was read from the store instead of computed."""

    cell: str
    repeat: int
    stage: str
    seconds: float
    stored: bool


@dataclass(frozen=True)
class Damaged:
    """A stage in the store was damaged. It was removed, and the stage is computed again."""

    cell: str
    repeat: int
    stage: str
    reason: str


@dataclass(frozen=True)
class Waiting:
    """Another worker computes this stage, and this one waits for its result."""

    cell: str
    repeat: int
    stage: str
    owner: str


@dataclass(frozen=True)
class CellStarted:
    """A worker has started a cell."""

    cell: str


@dataclass(frozen=True)
class CellWaiting:
    """No machine of the cluster has what a cell needs, such as `2 cores and 1 GPU`. It waits until one joins."""

    cell: str
    needs: str


@dataclass(frozen=True)
class CellFinished:
    """A cell has been written. `kept` is true if an earlier run wrote it."""

    cell: str
    kept: bool = False


@dataclass(frozen=True)
class CellFailed:
    """A cell failed. The other cells go on. `error` is the name of the exception's class.

    `kept` is true if it failed in an earlier run, and is not run again.
    """

    cell: str
    error: str
    message: str
    trace: str
    kept: bool = False


@dataclass(frozen=True)
class FolderTaken:
    """Another run, of `owner`, writes to the sweep's folder at a URL. This one waits until it ends."""

    address: str
    owner: str


CellEvent = CellStarted | CellWaiting | CellFinished | CellFailed
Event = Planned | Started | Read | Trained | Damaged | Waiting | Finished | FolderTaken | CellEvent
OnEvent = Callable[[Event], object]


def no_op(event: Event) -> None:
    """Do nothing."""
