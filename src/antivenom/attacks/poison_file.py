"""Poison that was made before."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from antivenom.attacks._attack import Mode, OptionalCount, OptionalRate, choose, everything, how_many, settle_rate
from antivenom.data import Dataset, Poisoned
from antivenom.data.formats import rounds as rounds_format
from antivenom.errors import DataError, SettingsError
from antivenom.goals.availability import Availability
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import component


@component
class PoisonFile:
    """The rows that an `.npz` file holds, such as `antivenom craft` writes.

    The file has `X` (n, rounds, *shape), the poison after every round of its crafting, and `Y` (n, rounds), its labels.
    Rows are drawn by the seed: a higher rate takes the same rows and more.

    Args:
        path: the file, as seen from the current folder.
        round: which round is taken, from 0; -1 for the last.
        rate: the poisoned share of the final training set; 0.1 where neither it nor `count` is given.
        count: the number of poisoned rows, instead of a rate.
        mode: whether poison takes the place of rows drawn from the data, or is appended.

    Raises:
        SettingsError: the file holds too few rows, or not so many rounds.
        DataError: its rows or labels are none that the data could have.

    >>> import numpy as np, tempfile
    >>> from antivenom.data.sources import load
    >>> train, file = load("digits").train, Path(tempfile.mkdtemp()) / "poison.npz"
    >>> np.savez(file, X=np.ones((50, 1, 1, 8, 8), np.float32), Y=np.zeros((50, 1), np.int64))
    >>> len(PoisonFile(path=str(file), count=20).poison(train, rng=Rng(0)).rows)
    20
    """

    path: str
    round: int = -1
    rate: OptionalRate = None
    count: OptionalCount = None
    mode: Mode = "replace"

    def __post_init__(self) -> None:
        settle_rate(self)

    def files(self) -> tuple[Path, ...]:
        """The file: its bytes are part of what is made with it."""
        return (Path(self.path),)

    def poison(self, data: Dataset, *, rng: Rng, surrogate: Classifier | None = None) -> Poisoned:  # noqa: ARG002
        """The data with the file's rows in it."""
        if problems := list(self.problems(data)):
            raise SettingsError(f"PoisonFile {problem}" for problem in problems)
        x, y = self._held(data)
        wanted = how_many(data, self.rate, self.count, self.mode)
        taken = torch.sort(rng.child("taken").order(torch.arange(len(x)))[:wanted]).values
        taken = taken.to(data.device)
        goal = Availability()
        if self.mode == "append":
            return Poisoned.append(data, x=x[taken], y=y[taken], goal=goal)
        rows = choose(data, everything(data), wanted, rng.child("rows"))
        return Poisoned.replace(data, rows, x=x[taken], y=y[taken], goal=goal)

    def problems(self, data: Dataset) -> Iterator[str]:
        """Why the settings, or the file, do not fit the data."""
        try:
            x, _ = self._held(data)
        except DataError as error:
            yield f"cannot take the file: {error}"
            return
        wanted = how_many(data, self.rate, self.count, self.mode)
        if wanted > len(x):
            yield f"wants {wanted} rows; {self.path} holds {len(x)}. Lower its rate or count, or train on fewer rows."
        if self.mode == "replace" and wanted > len(data):
            yield f"wants {wanted} rows to replace; the data has {len(data)}."

    def _held(self, data: Dataset) -> tuple[Tensor, Tensor]:
        return rounds_format.read(Path(self.path), data, self.round)
