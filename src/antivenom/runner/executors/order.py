"""The order of cells: those that compute what most other cells wait for come first."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe_fields

SHARED_STAGES = {
    "prepare": ("dataset",),
    "control": ("dataset", "model", "training", "seed", "repeats", "train_rows", "defences", "repairs", "trusted"),
    "poison": ("dataset", "attack", "seed", "repeats", "train_rows", "surrogate"),
    "victim": ("dataset", "attack", "surrogate", "model", "training", "seed", "repeats", "train_rows"),
    "surrogate": ("dataset", "surrogate", "model", "training", "seed", "repeats", "train_rows"),
}
"""The settings that decide each stage. Cells with equal settings probably share the stage. Only the order of cells
depends on it: the store decides what is computed."""

LOOKAHEAD = 100
"""The number of groups of cells that are compared. It keeps the time for each cell the same in large grids."""


class CellQueue:
    """The cells that have not started, as a graph: cells are joined by the stages that they share.

    `next` prefers cells whose shared stages no running cell is computing, and among them the cell whose stages unblock
    most other cells.

    Args:
        cells: the experiments by name. Ties are decided by their order.
    """

    def __init__(self, cells: Mapping[str, ExperimentSettings]) -> None:
        self._shares = {name: _shares(experiment) for name, experiment in cells.items()}
        counts = Counter(share for shares in self._shares.values() for share in shares)
        self._shares = {
            name: tuple(share for share in shares if counts[share] > 1) for name, shares in self._shares.items()
        }
        self._waiting = Counter(share for shares in self._shares.values() for share in shares)
        self._groups: dict[tuple[str, ...], list[str]] = {}
        for name, shares in self._shares.items():
            self._groups.setdefault(shares, []).append(name)
        for names in self._groups.values():
            names.reverse()
        self._place = {name: place for place, name in enumerate(cells)}
        self._computed: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def finish(self, cell: str) -> None:
        """Take note that a cell has finished: the stages that it shares are in the store."""
        self._computed.update(self._shares[cell])

    def next(self, running: Collection[str]) -> str | None:
        """Return the cell to start next, or None if all have started.

        Args:
            running: the names of the cells that are running.
        """
        busy = {share for name in running for share in self._shares[name]} - self._computed
        best = min(islice(self._groups, LOOKAHEAD), key=lambda shares: self._rank(shares, busy), default=None)
        if best is None:
            return None
        names = self._groups[best]
        name = names.pop()
        if not names:
            del self._groups[best]
        self._waiting.subtract(best)
        return name

    def _rank(self, shares: tuple[str, ...], busy: Collection[str]) -> tuple[int, int, int]:
        """Return a key that is smallest for the group of cells that should start first."""
        blocked = sum(share in busy for share in shares)
        unblocks = sum(self._waiting[share] for share in shares if share not in self._computed and share not in busy)
        return blocked, -unblocks, self._place[self._groups[shares][-1]]


def _shares(experiment: ExperimentSettings) -> tuple[str, ...]:
    settings = describe_fields(experiment)
    return tuple(f"{stage} {_text(settings.get(key) for key in keys)}" for stage, keys in SHARED_STAGES.items())


def _text(values: Iterable[Any]) -> str:
    return json.dumps(list(values), sort_keys=True, default=id)
