"""The events of a run."""

from collections.abc import Callable
from dataclasses import dataclass

from antivenom.training import Epoch


@dataclass(frozen=True)
class Planned:
    """Before anything runs: the cells, and how many trainings they have.

    Each training ends with a `Finished`, whether it is computed or found in the store.
    """

    cells: tuple[str, ...]
    victims: int
    controls: int
    surrogates: int = 0
    defenders: int = 0
    warm_ups: int = 0

    @property
    def trainings(self) -> int:
        """All of them."""
        return self.victims + self.controls + self.surrogates + self.defenders + self.warm_ups


@dataclass(frozen=True)
class Started:
    """A stage begins."""

    cell: str
    repeat: int
    stage: str


@dataclass(frozen=True)
class Read:
    """`done` of `of` rows of the data set are read."""

    cell: str
    repeat: int
    done: int
    of: int


@dataclass(frozen=True)
class Trained:
    """An epoch of a stage is done."""

    cell: str
    repeat: int
    stage: str
    epoch: Epoch


@dataclass(frozen=True)
class Finished:
    """A stage is done; `stored` where it was read from the store instead of computed."""

    cell: str
    repeat: int
    stage: str
    seconds: float
    stored: bool


Event = Planned | Started | Read | Trained | Finished
OnEvent = Callable[[Event], object]


def no_op(event: Event) -> None:
    """Do nothing."""
