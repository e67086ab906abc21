"""What a run tells whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass

from antivenom.training import Epoch


@dataclass(frozen=True)
class Planned:
    """Before anything runs: cells, and how many trainings they need at most."""

    cells: tuple[str, ...]
    victims: int
    controls: int
    surrogates: int = 0
    defenders: int = 0
    warm_ups: int = 0


@dataclass(frozen=True)
class Started:
    """A stage begins."""

    cell: str
    repeat: int
    stage: str


@dataclass(frozen=True)
class Read:
    """So many rows of the data set have been read, of how many."""

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
Tell = Callable[[Event], object]


def silent(event: Event) -> None:
    """Tell nobody."""
